"""How the processes of a project are started, and where nginx finds its files."""

from pathlib import Path

import pytest

from deploy.model.config import load
from deploy.stacks.local import application
from deploy.stacks.local.application import Facts
from deploy.stacks.local.layout import Layout
from tests.foreign import TOML, copied


@pytest.mark.parametrize("more", ['media = "media"\n', '[project.env]\nUPLOADS = "{media_root}"\n'])
@pytest.mark.parametrize(
    ("said", "found"), [("media", "project/media"), ("/srv/media", "/srv/media"), ("", "state/media")]
)
def test_uploaded_files(tmp_path: Path, said: str, found: str, more: str) -> None:
    """Where Django writes them: from the folder of manage.py, which is the working directory; nginx has another."""
    folder = copied("tutorial", tmp_path / "project", TOML + more)
    facts = Facts(media_url="/media/", media_root=said)
    served = application.of(load(project=folder), Layout(tmp_path / "state"), facts=facts)
    assert served.media == str(tmp_path / found)
    for url in ("", "/", "https://cdn.example/"):
        [line] = application.unserved(load(project=folder), Facts(media_url=url))
        assert line == f"uploaded files: nginx serves them to nobody by their address, for MEDIA_URL is {url!r}"
