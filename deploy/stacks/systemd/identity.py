"""Whose the site of a name is: another project of the same name must not get its database, nor remove it.

By the modules that serve it: a folder moves, a release may come from an archive, and both are of the same project.
"""

from deploy.errors import BadInputError
from deploy.model.config import FILE, Config
from deploy.stacks.systemd import names
from deploy.text.systemd import places
from deploy.text.systemd.places import Places

CHAT = "the reference chat"


def of(config: Config) -> str:
    """Return how a project is known."""
    return CHAT if config.is_own else f"{config.project.asgi} {config.project.settings.module}"


def require(at: Places, config: Config) -> None:
    """Raise BadInputError where the site is another project's."""
    there, here = _installed(at), of(config)
    if there in {"", here}:
        return
    raise BadInputError(
        f"the site {at.name} of this host is {there}, and this is {here}: give this one another site.name"
        f" (if it is the same project, write `{here}` into {at.owner})"
    )


def _installed(at: Places) -> str:
    """Return what was written down; empty: nothing of ours has the name, or it is a project's of before that was."""
    if not names.ours(at):
        return ""
    if at.owner.is_file():
        return at.owner.read_text(encoding="utf-8").strip()
    return CHAT if at.current.is_symlink() and not (at.current / places.TOML / FILE.name).is_file() else ""
