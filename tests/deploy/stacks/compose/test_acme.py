"""The profile `acme`: where the challenge is answered, and how nginx comes to the certificate.

certbot itself is a stand-in (tests/deploy/stacks/compose/certbot): a test can reach neither its image
nor an authority.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.effects.client.address import Address
from deploy.effects.client.http_client import HttpClient
from tests.deploy.stacks.compose.stack import FILE, RunningCompose, command

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
    compose.road("docker compose -f docker-compose.prod.yml --profile acme rm --stop --force acme")
    pair = ("/srv/parley/tls/certificate.pem", "/srv/parley/tls/key.pem")
    compose.compose("run", "--rm", "--no-deps", "--entrypoint=rm", "setup", "-f", *pair)
    compose.compose("run", "--rm", "--no-deps", "setup")
    asyncio.run(compose.signed_by(OURS))  # no reload is left to come into another test


async def test_the_certificate_of_an_authority_is_served_without_a_restart(
    compose: RunningCompose, certbot: dict[str, str]
) -> None:
    """The challenge over plain http first; nginx then finds that its file is another one."""
    edge = compose.containers("edge")[0]["State"]["StartedAt"]
    assert compose.issuer() == OURS
    arguments = ("docker", "compose", "--file", FILE, "up", "--detach", "--wait", "--no-recreate", "acme")
    await asyncio.to_thread(command, *arguments, env={**compose.variables, **certbot})
    await compose.signed_by(THEIRS)
    plain = HttpClient(Address.at(f"http://localhost:{compose.http_port}"))
    assert (await plain.get("/.well-known/acme-challenge/token")).text == "chat.example.com ada@example.com"
    assert compose.containers("edge")[0]["State"]["StartedAt"] == edge
    await asyncio.to_thread(compose.compose, "run", "--rm", "--no-deps", "setup")
    assert compose.issuer() == THEIRS, "`setup` leaves what is not its own"
