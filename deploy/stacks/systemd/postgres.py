"""The distribution's PostgreSQL: a role and a database, made by its own superuser over its socket."""

from deploy.effects import commands
from deploy.errors import StackError

UNIT = "postgresql.service"
AS_POSTGRES = ("runuser", "-u", "postgres", "--")


def there(name: str) -> bool:
    """Tell whether role and database are there; raises StackError where PostgreSQL cannot be asked."""
    return _count(name) == 2


def known(name: str) -> bool:
    """Tell whether one of them is there."""
    return _count(name) > 0


def make(name: str) -> None:
    """Make what is missing. The role has no password: PostgreSQL knows it by the system user of its name."""
    if told(f"SELECT 1 FROM pg_roles WHERE rolname='{name}'") != "1":  # noqa: S608
        _run("createuser", "--no-createdb", "--no-createrole", "--no-superuser", name)
    if told(f"SELECT 1 FROM pg_database WHERE datname='{name}'") != "1":  # noqa: S608
        _run("createdb", "--owner", name, "--encoding=UTF8", "--locale=C.UTF-8", "--template=template0", name)


def drop(name: str) -> None:
    """Remove both, with everything in them."""
    _run("dropdb", "--if-exists", "--force", name)
    _run("dropuser", "--if-exists", name)


def _count(name: str) -> int:
    asked = f"SELECT (SELECT count(*) FROM pg_roles WHERE rolname='{name}') + (SELECT count(*) FROM pg_database WHERE datname='{name}')"  # noqa: S608, E501
    return int(told(asked))


def told(query: str) -> str:
    """Ask for one value."""
    return _run("psql", "-XAtq", "-d", "postgres", "-c", query).strip()


def _run(*command: str) -> str:
    try:
        return commands.output([*AS_POSTGRES, *command], cwd=None)
    except StackError as error:
        raise StackError(f"PostgreSQL: {error}") from None
