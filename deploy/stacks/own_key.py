"""The key of a project's own settings: taken over by a new site, but for one that anybody can guess."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from deploy.effects import commands
from deploy.errors import StackError
from deploy.model.config import Config
from deploy.stacks import shipped

NAME = "SECRET_KEY"
LOOK = ("-m", "parley_serving.project.key")
SECONDS = 60.0  # as for a look at all of a project
INSECURE = "django-insecure-"  # how `startproject` begins one that is for the desk alone
STANDINS = ("changeme", "replace", "secret", "unused", "placeholder", "insecure", "example", "password")
LEAST, DIFFERENT = 50, 5  # characters that Django's own check asks for (security.W009), and Parley in production
SHELL = ("PATH", "HOME", "LANG", "LANGUAGE")  # what settings get of somebody's shell: the next one may have no more
LARGEST = 1_000_000  # bytes of a file that somebody writes a key into
TAKEN = f"{NAME} of the project's settings is the site's key from now on: sessions and links that it signed stay good"

KNOWN = (
    "anyone who can read that file can sign in as anybody."
    " To have another key, do what docs/runbooks/secrets.md says: `./parley secret-key add`"
)


def is_asked(config: Config) -> bool:
    """Tell whether the site's key stands in the place of the settings' own."""
    settings = config.project.settings
    return not config.is_own and settings.overlay and NAME not in settings.keep


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Give what of a shell the settings are read with: no variable of it becomes the key."""
    return {name: text for name, text in variables.items() if name in SHELL or name.startswith("LC_")}


def read(python: Sequence[str], env: Mapping[str, str], folder: Path) -> str:
    """Return the key of the settings; empty where they have none of their own, or cannot be imported alone."""
    try:
        said = commands.limited([*python, *LOOK], env=env, cwd=folder, seconds=SECONDS)
        return str(json.loads(said or "")["key"])
    except (StackError, ValueError, KeyError, TypeError):
        return ""


def why_not(key: str) -> str:
    """Say why nobody should sign with a key; empty: it is good."""
    if key.startswith(INSECURE):
        return f"it begins with {INSECURE}"
    letters = "".join(one for one in key.lower() if one.isalnum())
    if word := next((one for one in STANDINS if one in letters), ""):
        return f"it has {word!r} in it, like one that stands for another"
    if len(key) < LEAST or len(set(key)) < DIFFERENT:
        return f"it has fewer than {LEAST} characters, or they are nearly all the same"
    if not key.isascii() or not key.isprintable() or " " in key:
        return "it has a character that a line of a file cannot have"
    return ""


def said(key: str, folder: Path) -> Iterator[str]:
    """Say what becomes of it, without a letter of it; and where else it is, if that is a file of the project."""
    if why := why_not(key):
        yield f"{NAME} of the project's settings is not used, for {why}: Parley makes one"
        return
    yield TAKEN
    if (file := _holder(key, folder)) is not None:
        yield f"warning: {file.relative_to(folder)} has {NAME} in it: {KNOWN}"


def _holder(key: str, folder: Path) -> Path | None:
    """Find a file that has the key, of those that git tracks; without git, of those of Python."""
    tracked = shipped.tracked(folder)
    files = tracked.paths if tracked else (one for one in shipped.walked(folder) if one.suffix == ".py")
    for file in files:
        try:
            if file.stat().st_size <= LARGEST and key.encode() in file.read_bytes():
                return file
        except OSError:  # it is gone, or for somebody else
            continue
    return None
