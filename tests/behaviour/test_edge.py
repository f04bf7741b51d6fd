"""What the edge answers by itself, and what it lets nobody see."""

import re
from urllib.parse import urljoin

import pytest

from deploy.effects.client.http_client import HttpClient
from parley_serving.headers import PERMISSIONS
from tests.behaviour.site import Site

HEADERS = {
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": PERMISSIONS,
}
FOR_EVER = "public, max-age=31536000, immutable"
STATIC = re.compile(r'"((?:/static/|\./)[^"]+\.(?:js|css|svg))"')


async def test_it_is_well_and_ready(site: Site) -> None:
    """Every part of it is, and whoever asks from outside is told."""
    visitor = HttpClient(site.address)
    well = await visitor.get("/healthz")
    assert (well.status, well.body) == (200, b"ok")
    ready = await visitor.get("/readyz")
    assert (ready.status, ready.headers["cache-control"]) == (200, "no-store")
    assert ready.json() == {
        "ready": True,
        "checks": {"database": "ok", "layer": "ok", "migrations": "ok", "draining": "no"},
    }


@pytest.mark.parametrize("path", ["/metrics", "/metrics/", "/metrics?x=1", "//metrics", "/%6detrics"])
async def test_metrics_are_for_nobody_outside(site: Site, path: str) -> None:
    """Not under any spelling."""
    answer = await HttpClient(site.address).get(path)
    assert answer.status == 404
    assert "parley_" not in answer.text


async def test_pages_have_their_headers(site: Site) -> None:
    """A page that no other may frame, with a policy that names this site's sockets, and cookies for https alone."""
    page = await HttpClient(site.address).get("/accounts/login/")
    assert page.status == 200
    assert HEADERS.items() <= page.headers.items()
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert f"wss://{site.address.host}" in policy
    assert "unsafe" not in policy
    assert "Secure" in page.headers["set-cookie"]
    assert re.fullmatch(r"nginx", page.headers.get("server", "nginx"))  # without its version


async def test_personal_pages_are_kept_by_nobody(site: Site) -> None:
    """And each cookie is for this host alone, for all of its paths, and for https: what `__Host-` asks of one."""
    visitor = HttpClient(site.address)
    cookies = [(await visitor.get("/accounts/login/")).headers["set-cookie"]]
    cookies.append((await visitor.post("/accounts/guest/", {"name": "Private"})).headers["set-cookie"])
    cookies.append((await visitor.post("/language/", {"language": "es"})).headers["set-cookie"])
    assert {cookie.partition("=")[0] for cookie in cookies} <= {
        "csrftoken",
        "django_language",
        "sessionid",
        "sessionid_people",
    }
    for cookie in cookies:
        assert {"Secure", "Path=/"} <= set(cookie.split("; ")), cookie
        assert "domain" not in cookie.lower()
    for path in ("/", "/rooms/lobby/"):
        page = await visitor.get(path)
        assert (page.status, page.headers["cache-control"]) == (200, "private, no-store")


async def test_static_files_are_for_ever(site: Site) -> None:
    """All that a room's page loads, and what its modules import in turn: under names with a hash (pitfalls L9)."""
    visitor = HttpClient(site.address)
    await visitor.guest("Reader")
    waiting = {urljoin("/", path) for path in STATIC.findall((await visitor.get("/rooms/lobby/")).text)}
    seen: set[str] = set()
    while waiting:
        path = waiting.pop()
        seen.add(path)
        file = await visitor.get(path)
        assert (file.status, file.headers["cache-control"]) == (200, FOR_EVER), path
        assert re.search(r"\.[0-9a-f]{12}\.", path)
        if path.endswith(".js"):
            waiting |= {urljoin(path, name) for name in STATIC.findall(file.text)} - seen
    assert {path.rpartition(".")[2] for path in seen} >= {"js", "css"}
    assert len([path for path in seen if path.endswith(".js")]) > 5
    missing = await visitor.get("/static/chat/page.000000000000.css")
    assert (missing.status, missing.headers.get("cache-control")) == (404, None)
