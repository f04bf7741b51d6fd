"""Which Parley this is: the version, and a digest of what ships."""

import hashlib
import tomllib
from collections.abc import Iterator
from pathlib import Path

from deploy.model.config import ROOT

# What an image and an installed release hold of the checkout. What one of them leaves out changes no id: see shipped.
SHIPPED = (
    "app",
    "compose",
    "deploy",
    "nginx",
    "parley.toml",
    "prometheus",
    "pyproject.toml",
    "requirements/run.txt",
    "requirements/serving.in",
    "requirements/serving.txt",
    "systemd",
)
DIGITS = 8


def release(root: Path = ROOT) -> str:
    """Return `<version>-<8 hex>`, the same for the same files wherever they lie."""
    with (root / "pyproject.toml").open("rb") as file:
        version: str = tomllib.load(file)["project"]["version"]
    digest = hashlib.sha256()
    for path in shipped(root):
        digest.update(f"{path.relative_to(root).as_posix()}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return f"{version}-{digest.hexdigest()[:DIGITS]}"


def shipped(root: Path = ROOT) -> Iterator[Path]:
    """Give the files that ship, in an order of their own; what Python leaves beside them is none of them."""
    for name in SHIPPED:
        path = root / name
        found = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
        yield from (one for one in found if one.suffix != ".pyc" and "__pycache__" not in one.parts)
