"""`./parley test`."""

import os
import sys
from collections.abc import Callable, Sequence

from deploy.effects import commands
from deploy.model.config import ROOT
from deploy.text import environment

MORE = (
    "If you name tests by a path, -k or -m, those run. CONTRIBUTING.md says more. "
    "For pytest's own options: .venv/bin/python -m pytest --help"
)


def test(arguments: Sequence[str], explain: Callable[[], str]) -> None:
    """Become pytest; pyproject.toml says what it runs, and its exit status is ours. `--help` explains the sets."""
    if list(arguments) == ["--help"]:
        sys.stdout.write(f"{explain()}\n")  # pytest's own help has hundreds of lines, and the sets at its end
        return
    env = environment.clean(os.environ)
    commands.become([sys.executable, "-P", "-m", "pytest", *arguments], env=env, cwd=ROOT)
