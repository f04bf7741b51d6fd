"""A command of the project with what a worker has: `python -m parley_serving manage.py migrate`."""

import runpy
import sys
from pathlib import Path

from parley_serving.environment import environment
from parley_serving.project.start import prepare

USAGE = "python -m parley_serving FILE | PROGRAM | -m MODULE, with their arguments"


def main() -> None:
    """Give this process the project's variables and settings, and become the command."""
    match sys.argv[1:]:
        case ["-m", module, *_]:
            prepare(environment())
            sys.path.insert(0, "")
            sys.argv = sys.argv[2:]
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        case [name, *_] if (file := _file(name)) is not None:
            prepare(environment())
            sys.argv = sys.argv[1:]
            sys.path.insert(0, str(file.absolute().parent))
            runpy.run_path(str(file), run_name="__main__")
        case [name, *_] if name != "-m":
            sys.exit(f"{USAGE}: {name} is neither a file nor a program of this environment")
        case _:
            sys.exit(USAGE)


def _file(name: str) -> Path | None:
    """Return a file of the project, or a program of its environment, such as `celery`."""
    for file in (Path(name), Path(sys.executable).with_name(name)):
        if file.is_file():
            return file
    return None


if __name__ == "__main__":
    main()
