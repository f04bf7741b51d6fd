"""The volumes that the one-shot `setup` fills, and the image's own files, as folders of this machine."""

import os
from pathlib import Path

import pytest

from deploy.effects import files
from deploy.model.config import load
from deploy.stacks.compose.setup import setup
from deploy.text.compose import places

NOWHERE = Path("/nonexistent/parley.toml")


def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the folders, and give the one that they lie in."""
    folders = ("APP", "REDIS", "POSTGRES", "STORE", "KEPT", "TLS", "NGINX", "STATIC", "PROMETHEUS", "CERTBOT")
    for name in (*folders, "OWN", "OURS", "SERVED_TLS", "CERTIFICATE", "CERTIFICATE_KEY", "CURRENT"):
        monkeypatch.setattr(places, name, tmp_path / getattr(places, name).relative_to(places.SRV))
    monkeypatch.setattr(places, "CHALLENGES", tmp_path / "acme/.well-known/acme-challenge")
    monkeypatch.setattr(places, "COLLECTED", tmp_path / "image/static")
    monkeypatch.setattr(places, "RELEASE", tmp_path / "image/RELEASE")
    monkeypatch.setattr(places, "FACTS", tmp_path / "image/facts.json")
    for name in ("TOML", "REDIS_CA"):  # what is mounted
        monkeypatch.setattr(places, name, NOWHERE)
    for name in folders:
        getattr(places, name).mkdir(parents=True)
    ship(tmp_path, "0.1.0-00000001", {"chat/page.1.css": "one"})
    return tmp_path


def ship(srv: Path, release: str, texts: dict[str, str]) -> None:
    """Have the image be this release."""
    files.remove(srv / "image")
    for name, text in texts.items():
        (srv / "image/static" / name).parent.mkdir(parents=True, exist_ok=True)
        (srv / "image/static" / name).write_text(text)
    (srv / "image").mkdir(exist_ok=True)
    (srv / "image/RELEASE").write_text(f"{release}\n")


def given(**env: str) -> dict[str, str]:
    """Give the variables of the service, with .env's on top."""
    return {"PARLEY_MODEL": load(env="compose").model_dump_json(), **env}


def run(only: str | None = None, **env: str) -> str:
    """Run it and give what it says; the process keeps its umask."""
    before = os.umask(0o022)
    try:
        return "\n".join(setup(given(**env), only))
    finally:
        os.umask(before)


def contents(folder: Path) -> dict[str, str]:
    """Give the files of a folder."""
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}
