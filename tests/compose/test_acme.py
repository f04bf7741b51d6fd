"""The profile `acme`: where the challenge is answered, and how nginx comes to the certificate.

certbot itself is a stand-in (tests/compose/certbot): neither its image nor an authority can be reached from a test.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509

from deploy.drill.address import Address
from deploy.drill.visitor import Visitor
from tests.compose.stack import FILE, RunningCompose, command

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]

HERE = Path(__file__).parent
OURS, THEIRS = "CN=Parley on this machine", "CN=An authority"


@pytest.fixture
def certbot(compose: RunningCompose) -> Iterator[dict[str, str]]:
    """The variables that ask for a certificate; afterwards the service is gone, and the certificate ours again."""
    image = f"{compose.name}:certbot"
    ours = f"--build-arg=PARLEY={compose.variables['PARLEY_IMAGE']}"
    command("docker", "build", "--quiet", f"--tag={image}", ours, str(HERE / "certbot"))
    yield {
        "PARLEY_CERTBOT": image,
        "PARLEY_HOSTS": "chat.example.com",
        "PARLEY_ACME_EMAIL": "ada@example.com",
        "COMPOSE_PROFILES": "acme",
    }
    compose.compose("--profile", "acme", "rm", "--stop", "--force", "acme")
    compose.compose("run", "--rm", "--no-deps", "--entrypoint=rm", "setup", "-f", "/srv/parley/tls/certificate.pem")
    compose.compose("run", "--rm", "--no-deps", "setup")
    asyncio.run(signed_by(compose, OURS))  # no reload is left to come into another test


def issuer(compose: RunningCompose) -> str:
    """Ask nginx for its certificate and give who signed it."""
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    with (
        contextlib.closing(socket.create_connection(("127.0.0.1", compose.address.port), 5)) as plain,
        trust.wrap_socket(plain, server_hostname="chat.example.com") as secure,
    ):
        der = secure.getpeercert(binary_form=True)
    assert der
    return x509.load_der_x509_certificate(der).issuer.rfc4514_string()


async def signed_by(compose: RunningCompose, who: str) -> None:
    """Wait until nginx has read the certificate of that issuer."""
    async with asyncio.timeout(30):
        while issuer(compose) != who:  # noqa: ASYNC110 (another machine's file)
            await asyncio.sleep(0.2)


async def test_the_certificate_of_an_authority_is_served_without_a_restart(
    compose: RunningCompose, certbot: dict[str, str]
) -> None:
    """The challenge over plain http first; nginx then finds that its file is another one."""
    edge = compose.containers("edge")[0]["State"]["StartedAt"]
    assert issuer(compose) == OURS
    arguments = ("docker", "compose", "--file", FILE, "up", "--detach", "--wait", "--no-recreate", "acme")
    await asyncio.to_thread(command, *arguments, env={**compose.variables, **certbot})
    await signed_by(compose, THEIRS)
    plain = Visitor(Address.at(f"http://localhost:{compose.http_port}"))
    assert (await plain.get("/.well-known/acme-challenge/token")).text == "chat.example.com ada@example.com"
    assert compose.containers("edge")[0]["State"]["StartedAt"] == edge
    await asyncio.to_thread(compose.compose, "run", "--rm", "--no-deps", "setup")
    assert issuer(compose) == THEIRS, "`setup` leaves what is not its own"
