"""Which Parley this is."""

import tomllib

from deploy.config import ROOT


def release() -> str:
    """Return the version that pyproject.toml gives."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        version: str = tomllib.load(file)["project"]["version"]
    return version
