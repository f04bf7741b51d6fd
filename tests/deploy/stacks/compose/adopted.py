"""A copy of one of tests/projects that runs on Compose with the parley.toml that `adopt` writes."""

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.effects import files
from deploy.model.config import load
from deploy.stacks.compose.project import home
from tests.deploy.stacks.compose.served import Served
from tests.deploy.stacks.compose.stack import running_compose
from tests.foreign import PROJECTS, digest, parley

REPLICAS = 2


@contextmanager
def adopted(name: str, folder: Path, page: str, more: Callable[[Path], object] = str) -> Iterator[Served]:
    """Serve a copy of a project, whose folder is the same after; `more` is done to it first."""
    project = folder / name
    shutil.copytree(PROJECTS / name, project, ignore=shutil.ignore_patterns("__pycache__", "*.sqlite3"))
    done = parley("adopt", str(project), "--python", sys.executable, "--dir", str(folder / "state"))
    assert done.returncode == 0, done.stdout + done.stderr
    more(project)
    before = digest(project)
    root = home(load(project=project))
    assert root
    assert not root.exists(), f"{root} is another site's"
    try:
        rendered = parley("render", "compose", "--project", str(project))
        assert rendered.returncode == 0, rendered.stderr
        with running_compose(REPLICAS, root) as running:
            yield Served(running, project, page)
    finally:
        files.remove(root.parent)
    assert digest(project) == before
