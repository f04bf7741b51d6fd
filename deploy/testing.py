"""`./parley test`."""

import os
import sys
from collections.abc import Sequence
from typing import Never

from deploy import environment, runner
from deploy.config import ROOT


def test(arguments: Sequence[str]) -> Never:
    """Become pytest; pyproject.toml says what it runs, and its exit status is ours."""
    env = environment.clean(os.environ)
    runner.become([sys.executable, "-P", "-m", "pytest", *arguments], env=env, cwd=ROOT)
