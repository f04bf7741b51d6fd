"""The SECRET_KEY of the project's own settings, for who makes the site's: `python -m parley_serving.project.key`.

Whoever asks reads it from a pipe: it is printed once, as JSON, and nothing else is.
"""

import importlib
import json
import os
from dataclasses import replace

from parley_serving.environment import environment
from parley_serving.project.start import prepare

NAME = "SECRET_KEY"


def main() -> None:
    """Import the settings with their own key; what they print goes to stderr."""
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    env = environment()
    prepare(replace(env, keep=(*env.keep, NAME)))
    key = getattr(importlib.import_module(env.settings), NAME, "")
    # A variable may give the site's to them already, and they may add something to it.
    is_own = isinstance(key, str) and not any(one in key for one in env.secret_key)
    answer.write(json.dumps({"key": key if is_own else ""}))
    answer.flush()
    os._exit(0)  # whatever threads the settings have started


if __name__ == "__main__":
    main()
