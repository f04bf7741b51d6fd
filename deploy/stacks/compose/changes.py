"""What .env and the Compose file say now, against what runs."""

from pathlib import Path

from deploy.errors import BadInputError
from deploy.model.config import FILE, Config
from deploy.stacks.compose import variables
from deploy.stacks.compose.beside import OPTIONAL
from deploy.stacks.compose.docker import containers, digest_of, docker, of_project, service_of
from deploy.stacks.compose.project import Project
from deploy.stacks.compose.setup import fitting
from deploy.text.compose import places

OWN = "@postgres:5432/"  # of the URL of the stack's own database


def require(project: Project, config: Config) -> None:
    """Raise BadInputError for a .env that `setup` would refuse, as it would."""
    outside = Path() if config.brings_postgres and config.brings_redis else project.home / FILE.name
    wanted = variables.config(project.told, outside)
    fitting(wanted)
    if wanted.database.url != _database_outside(project, wanted.database.url):
        raise BadInputError(
            "database.url: another database cannot be rolled to, for both would get messages meanwhile:"
            " stop the site, move the data, then start it again"
        )


def _database_outside(project: Project, otherwise: str) -> str:
    """Return the URL of a database outside that the replicas have; empty: they have the site's own."""
    for one in containers(project.name, "web"):
        if one["State"]["Running"]:
            url = docker("exec", one["Id"], "cat", str(places.APP / "database_url"))
            return "" if url.startswith("sqlite:") or OWN in url else url
    return otherwise  # nobody serves, and so nobody writes


def differing(project: Project) -> set[str]:
    """Name the services that Compose would make anew."""
    digests = project.digests()
    found = {
        service_of(one): digest_of(one)
        for one in of_project(project.name)
        if one["State"]["Running"] or service_of(one) not in OPTIONAL
    }
    return {service for service, digest in found.items() if digests.get(service, digest) != digest}
