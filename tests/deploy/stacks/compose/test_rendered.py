"""docker-compose.prod.yml is what parley.toml says."""

from pathlib import Path

from deploy.model.config import load
from deploy.text.compose.file import FILE, compose_file


def test_the_committed_file_is_rendered_from_the_defaults(here: Path) -> None:
    """After a change of parley.toml or compose/: ./parley render compose --out ."""
    assert (here / FILE).read_text(encoding="utf-8") == compose_file(load(env="compose"))
