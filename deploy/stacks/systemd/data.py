"""Where the data of a site is, and how its user reaches it: what is restored has to be that user's."""

from deploy.errors import BadInputError
from deploy.model.config import Config
from deploy.stacks.stack import Media, Postgres, Sqlite
from deploy.text.compose.site import is_sqlite
from deploy.text.systemd import places, site
from deploy.text.systemd.places import Places


def database(config: Config, at: Places) -> Sqlite | Postgres:
    """Give the database: a file is the user's, and PostgreSQL knows the user by name."""
    if is_sqlite(config):
        return Sqlite(at.database, (*_as_user(at), *_deploy(at)))
    if not config.brings_postgres:
        return Postgres.at(config.database.url)
    return Postgres(f"host={places.POSTGRES_SOCKETS} user={at.name} dbname={at.name}", _as_user(at))


def media(config: Config, at: Places) -> Media | None:
    """Give the folder of uploaded files."""
    if config.is_own or not config.project.has_uploads:
        return None
    return Media(at.media, (*_as_user(at), *_deploy(at)))


def require(config: Config, at: Places) -> None:
    """Raise BadInputError for another database or Redis than what serves has: for a while both would be used."""
    for path, text in site.secrets(config).items():
        if path.is_file() and path.read_text(encoding="utf-8") != text:
            what = "database" if path == at.database_url else "Redis of the layer"
            raise BadInputError(
                f"another {what} cannot be rolled to, for both would be used meanwhile:"
                " uninstall the site, which keeps its data, move what is to move, and install it again"
            )


def _as_user(at: Places) -> tuple[str, ...]:
    return ("runuser", "-u", at.name, "--")


def _deploy(at: Places) -> tuple[str, ...]:
    """Call Parley's own commands in the release that boots; with a project that a shell names they refuse."""
    env = ("env", "--unset=PARLEY_PROJECT", f"PYTHONPATH={at.current}")
    return (*env, str(at.current / places.PYTHON), "-P", "-m", "deploy")
