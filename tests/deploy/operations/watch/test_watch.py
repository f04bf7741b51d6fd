"""The probe's tries: what comes back, and each way in which it does not."""

import math
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from cryptography import x509

from deploy.effects.client.address import Address
from deploy.errors import BadInputError
from deploy.model.config import load
from deploy.operations.doctor.target import Ticket
from deploy.operations.watch import probes, site, trust
from deploy.operations.watch.figures import Figures, Reason
from deploy.operations.watch.probes import Tries
from deploy.stacks import certificate
from deploy.stacks.local.layout import Layout
from deploy.stacks.local.manage import app_environment
from tests.deploy.operations.doctor import certificates
from tests.deploy.operations.watch.running import watching
from tests.running import RunningStack, free_port

pytestmark = pytest.mark.stack


def site_of(stack: RunningStack, address: Address | None = None, **more: str) -> site.Site:
    """Give the running stack as the probe knows it, or another way to it."""
    layout = Layout.at(stack.directory)
    environment = app_environment(load(), layout, stack.state["layer"])
    return site.Site(address or stack.address, environment | more, ("127.0.0.1", 0), layout.certificate)


def values(figures: Figures) -> dict[str, float]:
    """Return what would be served, by name and reason."""
    found = {}
    for metric in figures.registry.collect():
        for sample in metric.samples:
            found[sample.name + "".join(f" {label}" for label in sample.labels.values())] = sample.value
    return found


async def tried(probed: site.Site, *, ticket: Ticket | None = None) -> tuple[dict[str, float], list[str]]:
    """Try once, with a ticket that was had before or without, and give the figures and what was said."""
    figures, said = Figures(), list[str]()
    one = Tries(probed, figures, said.append)
    if ticket:
        one._ticket, one._asked = ticket, math.inf
    await one.once()
    return values(figures), said


async def test_a_message_comes_back(stack: RunningStack) -> None:
    """Over wss, by nginx, with the ticket of manage.py; the certificate's end is the one that is served."""
    found, said = await tried(site_of(stack))
    assert (found["parley_probe_up"], found["parley_probe_seconds_count"]) == (1, 1)
    assert 0 < found["parley_probe_seconds_sum"] < probes.SECONDS
    assert re.fullmatch(r"messages come back, this one after \d+ ms", said[0])
    pem = ssl.get_server_certificate((stack.address.hostname, stack.address.port))
    shown = x509.load_pem_x509_certificate(pem.encode())
    assert found["parley_probe_certificate_expires_seconds"] == shown.not_valid_after_utc.timestamp()
    assert found["parley_probe_certificate_lifetime_seconds"] == certificate.lifetime(shown).total_seconds()
    assert (found["parley_probe_certificate_accepted"], len(said)) == (1, 1)
    assert [found[f"parley_probe_failures_total {reason}"] for reason in get_args(Reason)] == [0] * 6


async def test_a_certificate_that_browsers_refuse_is_said(stack: RunningStack, tmp_path: Path) -> None:
    """For what it lacks: an authority that somebody knows, or a name of the site. A message comes back all the same."""
    ours = site_of(stack)
    (tmp_path / "other.pem").write_bytes(certificates.fresh(tmp_path)[0])
    for probed, why in (
        (replace(ours, own=None), "localhost: self-signed certificate"),
        (replace(ours, own=tmp_path / "nothing.pem"), "localhost: self-signed certificate"),
        (replace(ours, own=tmp_path / "other.pem"), "localhost: "),
        (site_of(stack, PARLEY_HOSTS="localhost,chat.example.com"), "chat.example.com: Hostname mismatch, "),
    ):
        found, said = await tried(probed)
        assert (found["parley_probe_up"], found["parley_probe_certificate_accepted"]) == (1, 0)
        assert said[1].startswith(f"a browser refuses the certificate: {why}")


async def test_a_certificate_that_heals_is_said_once(stack: RunningStack) -> None:
    """And one that is refused each time is not said each time."""
    figures, said = Figures(), list[str]()
    ours = site_of(stack)
    one = Tries(replace(ours, own=None), figures, said.append)
    await one.once()
    await one.once()
    one.site = ours
    await one.once()
    assert [line.partition(":")[0] for line in said[1:]] == [
        "a browser refuses the certificate",
        "a browser takes the certificate",
    ]
    assert values(figures)["parley_probe_certificate_accepted"] == 1


def test_the_names_are_those_that_people_open(tmp_path: Path) -> None:
    """As the app is told them, by a file too; without any it is the one that the probe goes by."""
    address = Address.at("https://localhost:8443")
    hosts = "localhost,127.0.0.1,[::1],chat.example.com,[2001:db8::1]"
    (tmp_path / "hosts").write_text(hosts)
    for environment in ({"PARLEY_HOSTS": hosts}, {"PARLEY_HOSTS_FILE": str(tmp_path / "hosts")}):
        assert trust.names(environment, address) == ("chat.example.com", "2001:db8::1")
    assert trust.names({"PARLEY_HOSTS": "localhost"}, address) == ("localhost",)


NOBODY = Ticket("sessionid=wrong", "_probe")


@pytest.mark.parametrize("reason", ["login", "connect", "handshake", "refused", "certificate", "late"])
async def test_what_went_wrong_has_a_name(
    stack: RunningStack, reason: Reason, silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them is counted under its own, and said."""
    port = stack.address.port
    ways = {
        "login": site_of(stack, PARLEY_SECRET_KEY="short", PARLEY_SECRET_KEY_FILE=""),
        "connect": site_of(stack, Address.at("https://localhost").through("127.0.0.1", free_port())),
        "handshake": site_of(stack, Address.at("https://localhost:1").through("127.0.0.1", port)),
        "refused": site_of(stack),
        "certificate": site_of(stack, Address.at("https://chat.example.com").through("127.0.0.1", port)),
        "late": site_of(stack, Address.at("https://localhost").through("127.0.0.1", silent)),
    }
    if reason == "late":
        monkeypatch.setattr(probes, "SECONDS", 0.2)
    found, said = await tried(ways[reason], ticket=None if reason == "login" else NOBODY)
    assert found["parley_probe_up"] == 0
    assert {name for name, value in found.items() if name.startswith("parley_probe_failures_total") and value} == {
        f"parley_probe_failures_total {reason}"
    }
    assert said[0].startswith(f"no message comes back: {reason}: ")
    assert len(said) == 1
    assert "wrong" not in said[0]
    seen = not math.isnan(found["parley_probe_certificate_expires_seconds"])
    assert seen == (reason == "refused"), "of a handshake that failed nothing is known"


@pytest.fixture
def silent() -> Iterator[int]:
    """Give the port of somebody who listens and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


async def test_a_change_is_said_once_and_the_next_try_asks_again(
    stack: RunningStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session that ended costs one try."""
    asked, ask = [], site.Site.ticket

    async def counted(self: site.Site) -> Ticket:
        asked.append(self)
        return await ask(self)

    monkeypatch.setattr(site.Site, "ticket", counted)
    said: list[str] = []
    one = Tries(site_of(stack), Figures(), said.append)
    await one.once()
    await one.once()
    assert len(asked) == 1
    one._ticket = NOBODY
    for _ in range(3):
        await one.once()
    assert len(asked) == 2
    assert [re.split("[,:]", line)[0] for line in said] == [
        "messages come back",
        "no message comes back",
        "messages come back",
    ]


async def test_an_old_ticket_is_renewed(stack: RunningStack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the session of an hour ends by itself."""
    one = Tries(site_of(stack), Figures(), lambda _: None)
    await one.once()
    first = one._ticket
    monkeypatch.setattr(probes, "TICKET_SECONDS", -1)
    await one.once()
    assert first
    assert one._ticket not in {first, None}


def test_the_command_beside_up(stack: RunningStack) -> None:
    """It serves its metrics on a free port that `up` is told of, and ends as it should."""
    with watching(stack, 0.2) as watch:
        assert watch.until("parley_probe_seconds_count", 3)["parley_probe_up"] == 1


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("nonsense", None, "127.0.0.1:0"), "not an http or https address: 'nonsense'"),
        (("https://localhost:65536", None, "127.0.0.1:0"), "has a port that is none"),
        (("https://localhost:0", None, "127.0.0.1:0"), "has a port that is none"),
        (("https://" + "a" * 64 + ".net", None, "127.0.0.1:0"), "not an http or https address"),
        (("https://localhost", None, "127.0.0.1:99999"), "not host:port: '127.0.0.1:99999'"),
        (("https://localhost", None, "a" * 64 + ":1"), "not host:port"),
        (("https://localhost", None, "127.0.0.1:²"), "not host:port"),
        (("https://localhost", "edge:65536", "127.0.0.1:0"), "not host:port: 'edge:65536'"),
        (("https://localhost", "edge:0", "127.0.0.1:0"), "not host:port: 'edge:0'"),
        (("https://localhost", "edge", "127.0.0.1:0"), "not host:port: 'edge'"),
        (("https://localhost", "edge:8443", "9100"), "not host:port: '9100'"),
    ],
)
def test_bad_input(arguments: tuple[str, str | None, str], why: str) -> None:
    """One line."""
    with pytest.raises(BadInputError, match=re.escape(why)):
        site.named(*arguments)


def test_a_site_by_its_name() -> None:
    """As a container has it: the site's own Host and Origin, dialled at the edge."""
    found = site.named("https://localhost:8443", "edge:9443", "0.0.0.0:9101")
    assert (found.address.host, found.address.via, found.bind) == ("localhost:8443", ("edge", 9443), ("0.0.0.0", 9101))
    assert site.named("https://localhost:443", None, "[::1]:0").address.origin == "https://localhost"
