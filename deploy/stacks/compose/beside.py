"""What a project has beside its replicas: variables in files, a Redis that keeps, uploaded files; and the clean-up."""

from collections.abc import Mapping

from deploy.errors import BadInputError
from deploy.model.config import Config
from deploy.stacks.compose.docker import Container, containers, digest_of, of_project, service_of
from deploy.stacks.compose.processes import remove
from deploy.stacks.compose.project import Project
from deploy.text import project as told
from deploy.text.compose import folders, places, words
from deploy.text.compose.file import FILE

OPTIONAL = {"acme", "prometheus", "probe"}  # of a profile, and nobody's way to the site


class Beside:
    """Of one site; the reference chat has none of it."""

    def __init__(self, project: Project, config: Config) -> None:
        self._project = project
        self._config = config

    def require(self) -> None:
        """Raise BadInputError for what a rollout cannot bring: nginx, which has the sockets, would be made anew.

        With --build: a volume takes its owner from the image, and that of before has no such folder.
        """
        if self._config.is_own or not folders.media(self._config):
            return
        edges = containers(self._project.name, "edge")
        if not all(any(mount["Destination"] == str(places.MEDIA) for mount in one["Mounts"]) for one in edges):
            first = f"run docker compose -f {self._project.home / FILE} up -d --build --wait first"
            raise BadInputError(f"project.media is new in this site: {first}")

    def bring(self, release: str) -> None:
        """Write the files that the variables are read from, and start the Redis that keeps: a release may be the first
        that asks for one of them, and .env may say something else. What serves reads them when it is started again.
        """
        self._project.once(release, "setup", *words.of(self._config).deploy, "setup", "--only", "env")
        if not self._config.is_own and told.keeps(self._config):
            start = ("up", "--detach", "--wait", "--no-deps", "--no-recreate", "--no-build", "--pull=never")
            self._project.compose(*start, "store")

    def renew(self) -> set[str]:
        """Remove what is to be made anew, and name its services: what has the app's image, and what else differs."""
        digests = self._project.digests()
        found = [one for one in of_project(self._project.name) if self._is_old(one, digests)]
        remove(found)
        return {service_of(one) for one in found} & set(digests)

    def _is_old(self, container: Container, digests: Mapping[str, str]) -> bool:
        service = service_of(container)
        if service == "cleanup":
            return True
        differs = service == "probe" or digest_of(container) != digests.get(service)
        return service in OPTIONAL and container["State"]["Running"] and differs
