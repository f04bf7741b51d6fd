"""The page's modules that need no page, tried in Node: the connection, the room, the outbox, who is here."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.checkout import ROOT
from tests.programs import needed
from tests.waiting import PATIENCE

TESTS = Path(__file__).parent / "scripts"
MODULES = ROOT / "app/chat/static/chat"
OLDEST_NODE = 20  # the first whose test runner has a clock to hold


def _node() -> Path:
    """Find a Node that is new enough, or leave the test out."""
    node = needed("node", f"Node {OLDEST_NODE} or newer")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.removeprefix("v").split(".")[0]) < OLDEST_NODE:
        pytest.skip(f"Node {version} is too old: install Node {OLDEST_NODE} or newer")
    return node


@pytest.mark.parametrize("path", sorted(TESTS.glob("*.test.js")), ids=lambda path: path.stem)
def test_scripts(path: Path, tmp_path: Path) -> None:
    """Run one file of tests against a copy of the modules, marked as modules for Node."""
    node = _node()
    shutil.copytree(MODULES, tmp_path / "chat")
    shutil.copytree(TESTS, tmp_path / "tests")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    run = subprocess.run(
        [node, "--no-warnings", "--test", f"tests/{path.name}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "# pass 0" not in run.stdout
