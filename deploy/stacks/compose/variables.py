"""The variables of .env, as `setup` is given them → the model of this host."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from deploy.errors import BadInputError
from deploy.model.config import Config, load
from deploy.model.validation_errors import sentence
from deploy.text.compose.file import FILE
from deploy.text.compose.places import USER

MODEL = "PARLEY_MODEL"
ENV = "PARLEY_MODEL_ENV"
# Variable → the key of parley.toml that it stands over.
KEYS = {
    "PARLEY_HOSTS": ("site", "hosts"),
    "PARLEY_PORT": ("site", "port"),
    "PARLEY_HTTP_PORT": ("site", "http_port"),
    "PARLEY_REPLICAS": ("app", "instances"),
    "PARLEY_OPEN_FILES": ("limits", "open_files"),
    "PARLEY_SCRAPE_SECONDS": ("monitoring", "scrape_seconds"),
}


def config(variables: Mapping[str, str], outside: Path, project: Path | None = None) -> Config:
    """Return the model that the Compose file was rendered from, with .env on top; raise BadInputError.

    `outside` is parley.toml, mounted where it names a server outside: that URL may hold a password, and everybody who
    may ask Docker reads the variables of a container. `project` has the values of [project.env], for the same reason.

    Keys that nobody here knows are left out. Who wrote these files has checked them; after a rollback that was a newer
    release, and refusing its keys would leave no way back.
    """
    try:
        model = Config.model_validate_json(variables.get(MODEL, "{}"), extra="ignore")
    except ValidationError as error:
        raise BadInputError(f"{MODEL}: {sentence(error)}") from None
    tables: dict[str, dict[str, Any]] = model.model_dump()
    if outside.is_file():
        _require_readable(outside)
        named = load(path=outside, env=variables.get(ENV) or "compose", lenient=True)
        tables |= {"database": named.database.model_dump(), "redis": named.redis.model_dump()}
    if project and project.is_file():
        tables["project"]["env"] = json.loads(project.read_text(encoding="utf-8"))
    for name, (section, key) in KEYS.items():
        if text := variables.get(name, "").strip():
            tables[section][key] = _value(name, text)
            try:
                Config.model_validate(tables)
            except ValidationError as error:
                raise BadInputError(f".env: {name}: {sentence(error).partition(': ')[2]}") from None
    return Config.model_validate(tables)


def _require_readable(outside: Path) -> None:
    """Raise BadInputError where a umask of 077 has left parley.toml to its owner alone."""
    try:
        with outside.open("rb"):
            pass
    except PermissionError:
        raise BadInputError(
            f"{outside.name}, next to {FILE}: user {USER} needs to read the URLs in it, and may not:"
            f" sudo chgrp {USER} {outside.name} && sudo chmod g+r {outside.name}"
        ) from None


def _value(name: str, text: str) -> object:
    if name == "PARLEY_HOSTS":
        return [part.strip() for part in text.split(",") if part.strip()]
    if not text.isdecimal():
        raise BadInputError(f".env: {name}: {text!r} is not a number")
    return int(text)
