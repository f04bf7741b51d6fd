"""Which site of a host a command is for, and whether it is a project's."""

import os
from pathlib import Path

from deploy.errors import BadInputError
from deploy.model.config import FILE, ROOT, load
from deploy.model.hosts import DEFAULT_SITE, site
from deploy.text.systemd import places
from deploy.text.systemd.places import Places


def here(env: str = "systemd", project: Path | None = None) -> Places:
    """Return those of the site that this code is for; raises BadInputError for a name that is none.

    An installed release is of the site that it lies under, whatever its parley.toml says: a rollout brings it there
    from any checkout. Elsewhere parley.toml says the name, a project's its own, or the variable.
    """
    if project is None and (installed := _installed()) is not None:
        return installed
    if not (name := os.environ.get(places.VARIABLE)):
        return Places(load(env=env, project=project).site.name)
    try:
        return Places(site(name))
    except ValueError as error:
        raise BadInputError(f"{places.VARIABLE}: {error}") from None


def said(project: Path | None = None) -> bool:
    """Tell whether somebody has said which site this is: it is not the default that every checkout has."""
    is_said = _installed() is not None or bool(os.environ.get(places.VARIABLE))
    return is_said or here(project=project).name != DEFAULT_SITE


def toml_of(at: Places) -> Path | None:
    """Return the folder of the project's parley.toml, of this release or of the one that boots; None: the chat's."""
    return next((one for one in (ROOT / places.TOML, at.current / places.TOML) if (one / FILE.name).is_file()), None)


def _installed() -> Places | None:
    """Return those of the site under which this code is installed; its folder may be a link to another disk."""
    every = sorted(places.ALL_SITES.iterdir()) if places.ALL_SITES.is_dir() else []
    found = [at for at in (Places(path.name) for path in every) if os.path.realpath(at.releases) == str(ROOT.parent)]
    named = [at for at in found if at.name == os.environ.get(places.VARIABLE)]  # where two links lead to one folder
    return next(iter(named or found), None)
