"""The site over https, as a browser asks for it."""

import asyncio
import re
import secrets

from deploy.effects.client.http_client import HttpClient, Reply
from deploy.model.health import ALIVE
from deploy.model.hosts import LOOPBACK, LOOPBACK_NETWORKS
from deploy.operations.doctor.check import Check, NotApplicable, require
from deploy.operations.doctor.target import Target
from deploy.stacks import certificate

SECONDS = 5.0
PAGE = "/accounts/login/"
STATIC = re.compile(r'(?:href|src)="(/static/[^"]+\.(?:css|js))"')
HSTS = "strict-transport-security"
FORGED = "198.51.100."  # addresses of nobody (RFC 5737)
TRIES = 6  # one more than one person has from one address (app/accounts/limits.py)
LOCKED = "Too many tries"
ANSWERED = {200, 400}  # the form again, with what was wrong


async def _get(target: Target, path: str) -> Reply:
    return await HttpClient(target.adapter.address, timeout=SECONDS).get(path)


async def answers(target: Target) -> str:
    """Ask whether an instance answers through nginx."""
    reply = await _get(target, ALIVE)
    require(reply.status == 200, f"{ALIVE} answers {reply.status}")
    return f"{target.adapter.address.origin} answers"


async def page(target: Target) -> str:
    """Ask for a page of Django's, and the static files that it names."""
    reply = await _get(target, PAGE)
    require(reply.status == 200, f"{PAGE} answers {reply.status}")
    files = STATIC.findall(reply.text)
    require(files, f"{PAGE} names no static file")
    for path in files:
        status = (await _get(target, path)).status
        require(status == 200, f"{path} answers {status}")
    return f"{PAGE} and {len(files)} files"


async def metrics(target: Target) -> str:
    """Ask for /metrics from outside."""
    reply = await _get(target, "/metrics")
    require(reply.status in {403, 404}, f"/metrics answers {reply.status}")
    return f"/metrics answers {reply.status}"


async def hsts(target: Target) -> str:
    """Compare the header of a page and of a static file with the model and the certificate."""
    if not target.config.site.has_tls:
        raise NotApplicable('site.tls is "none": the proxy in front sends the header')
    seconds, name = target.config.nginx.hsts_seconds, target.adapter.address.hostname
    signed = certificate.is_an_authoritys(target.adapter.certificate())
    wanted = f"max-age={seconds}" if seconds and signed and name != LOOPBACK[0] else None
    first = STATIC.findall((await _get(target, PAGE)).text)[0]
    for path in (PAGE, first):
        found = (await _get(target, path)).headers.get(HSTS)
        require(found == wanted, f"{path} has {found or 'none'}, and should have {wanted or 'none'}")
    return wanted or f"none: hsts_seconds = {seconds}, {name}, {'an authority' if signed else 'self'}-signed"


async def redirect(target: Target) -> str:
    """Speak plain http to the https port; behind a proxy, say that a visitor came to it so."""
    address = target.adapter.address
    host, port = address.dialled
    said = "" if target.config.site.has_tls else "X-Forwarded-Proto: http\r\n"
    async with asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            writer.write(f"GET {PAGE} HTTP/1.1\r\nHost: {address.host}\r\n{said}Connection: close\r\n\r\n".encode())
            head = (await reader.read()).decode(errors="replace").partition("\r\n\r\n")[0]
        finally:
            writer.close()
            await writer.wait_closed()
    first = head.partition("\r\n")[0]
    require(f"location: {address.origin}{PAGE}\r\n" in f"{head}\r\n".lower(), f"plain http is answered: {first}")
    return first


async def forged(target: Target) -> str:
    """Fail to log in from six addresses that the headers claim: who believes them never locks."""
    if set(target.config.site.proxies) & set(LOOPBACK_NETWORKS):
        raise NotApplicable("this machine stands where the proxy in front does, whose word is taken")
    if not target.forge:
        raise NotApplicable("not asked for: add --forge (it makes six log-ins that fail)")
    name = f"parley:doctor-{secrets.token_hex(6)}"  # nobody can be called that
    text = ""
    for number in range(1, TRIES + 1):
        visitor = HttpClient(target.adapter.address)
        reply = await visitor.post(
            PAGE, {"username": name, "password": "none"}, {"X-Forwarded-For": f"{FORGED}{number}"}
        )
        require(reply.status in ANSWERED, f"POST {PAGE} answers {reply.status}")
        text = reply.text
    require(LOCKED in text, f"{TRIES} tries under {TRIES} forged addresses were not counted as one client's")
    return f"{TRIES} claimed addresses were taken for one"


CHECKS = (
    Check(
        "edge-answers",
        "the site answers over https",
        f"asks nginx for {ALIVE}",
        "read nginx's last log lines: does it run, and does it listen where parley.toml says?",
        "docs/deploying.md",
        answers,
        ("stack-runs",),
    ),
    Check(
        "pages-have-their-files",
        "a page and the static files that it names are served",
        f"asks for {PAGE} and what it links",
        "collect the static files again: start `up` again, or roll out again",
        "docs/deploying.md",
        page,
        ("edge-answers",),
        probes=True,
    ),
    Check(
        "metrics-are-shut",
        "/metrics is not public",
        "asks nginx for /metrics",
        "remove the location that serves it: metrics are private",
        "docs/decisions/metrics.md",
        metrics,
        ("edge-answers",),
    ),
    Check(
        "hsts-as-modelled",
        "Strict-Transport-Security is what parley.toml says where the certificate is an authority's, and else not sent",
        "looks at the headers of a page and of a static file, and at who signed the certificate",
        "set nginx.hsts_seconds, and the header nowhere else; on a server, install openssl, and reload nginx",
        "docs/configuration.md",
        hsts,
        ("pages-have-their-files",),
        probes=True,
    ),
    Check(
        "http-is-sent-to-https",
        "plain HTTP on the HTTPS port is redirected to HTTPS",
        "sends it a plain HTTP request",
        "render nginx's files again: error_page 497 is missing",
        "docs/deploying.md",
        redirect,
        ("edge-answers",),
    ),
    Check(
        "addresses-cannot-be-forged",
        "a client cannot forge its address with X-Forwarded-For",
        "tries six log-ins under six forged addresses: they must count as one client's (--forge)",
        "overwrite X-Forwarded-For in every location that proxies; never append to it",
        "docs/pitfalls/N9-forged-address.md",
        forged,
        ("pages-have-their-files",),
        probes=True,
    ),
)
