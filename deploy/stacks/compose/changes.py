"""What .env and the Compose file say now, against what runs."""

from pathlib import Path

from deploy.model.config import FILE, Config
from deploy.stacks.compose import variables
from deploy.stacks.compose.docker import digest_of, of_project, service_of
from deploy.stacks.compose.project import Project
from deploy.stacks.compose.setup import fitting


def require(project: Project, config: Config) -> None:
    """Raise BadInputError for a .env that `setup` would refuse, as it would."""
    outside = Path() if config.brings_postgres and config.brings_redis else project.home / FILE.name
    fitting(variables.config(project.told, outside))


def differing(project: Project) -> set[str]:
    """Name the services that Compose would make anew."""
    digests = project.digests()
    found = {service_of(one): digest_of(one) for one in of_project(project.name)}
    return {service for service, digest in found.items() if digests.get(service, digest) != digest}
