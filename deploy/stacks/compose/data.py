"""Where the data of a site is: in volumes, which containers reach."""

from pathlib import Path

from deploy.model.config import Config
from deploy.stacks.compose.project import Project
from deploy.stacks.stack import ContainerStore, Media, Postgres, Sqlite
from deploy.text import project as told
from deploy.text.compose import folders, places, site, words

# A container of our own, that does nothing but read or write a volume. The image's health check is of an instance.
ALONE = (
    *("docker", "run", "--rm", "--interactive", "--pull=never", "--network=none", "--no-healthcheck"),
    "--log-driver=none",  # what it writes is the database: with any other it would be in Docker's log too
    *("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges:true", f"--user={places.USER}:{places.USER}"),
)


def database(project: Project, config: Config) -> Sqlite | Postgres:
    """Say how the file is reached in a container, or PostgreSQL's programs started: in its own, or here."""
    if site.is_sqlite(config):
        image = (f"--volume={project.name}_data:{places.DATA}", f"--workdir={places.HOME}", project.image)
        return Sqlite(places.DATABASE, (*ALONE, *image, *words.of(config).deploy))
    if config.brings_postgres:
        inside = ("docker", "exec", "--interactive", f"{project.name}-postgres-1")
        return Postgres("user=parley dbname=parley", inside)
    return Postgres.at(config.database.url)


def media(project: Project, config: Config) -> Media | None:
    """Say how the volume of uploaded files is reached: in a container that has it where the project's processes do."""
    path = "" if config.is_own else folders.media(config)
    if not path:
        return None
    image = (f"--volume={project.name}_media:{path}", f"--workdir={places.HOME}", project.image)
    return Media(Path(path), (*ALONE, *image, *words.of(config).deploy))


def store(project: Project, config: Config) -> ContainerStore | None:
    """Say where the Redis that keeps is."""
    if config.is_own or not told.keeps(config):
        return None
    return ContainerStore(f"{project.name}-store-1", f"{project.name}_store", places.KEPT, places.STORE / "password")
