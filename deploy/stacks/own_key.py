"""The key of a project's own settings: taken over by a new site, if nobody else can know it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.effects import commands
from deploy.errors import StackError
from deploy.model.config import Config

NAME = "SECRET_KEY"
LOOK = ("-m", "parley_serving.project.key")
SECONDS = 60.0  # as for a look at all of a project
INSECURE = "django-insecure-"  # how `startproject` begins one that is for the desk alone
LEAST, DIFFERENT = 50, 5  # characters that Django's own check asks for (security.W009), and Parley in production
TAKEN = f"{NAME} of the project's settings is the site's key from now on: sessions and links that it signed stay good"


def is_asked(config: Config) -> bool:
    """Tell whether the site's key stands in the place of the settings' own."""
    settings = config.project.settings
    return not config.is_own and settings.overlay and NAME not in settings.keep


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
    if len(key) < LEAST or len(set(key)) < DIFFERENT:
        return f"it has fewer than {LEAST} characters, or they are nearly all the same"
    if not key.isascii() or not key.isprintable() or " " in key:
        return "it has a character that a line of a file cannot have"
    return ""


def said(key: str) -> str:
    """Say what becomes of it, without a letter of it."""
    why = why_not(key)
    return f"{NAME} of the project's settings is not used, for {why}: Parley makes one" if why else TAKEN
