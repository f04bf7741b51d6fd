"""docs/doctor.md, written from the registry and the rows of the matrix: `python -m tests.doctor.page`."""

from collections.abc import Iterator
from os.path import relpath

from deploy.doctor.check import Check
from deploy.doctor.checks import CHECKS
from tests.doctor.breaks import BREAKS
from tests.running import ROOT

PAGE = ROOT / "docs" / "doctor.md"
HEAD = """\
# The doctor

Written by `python -m tests.doctor.page` from the checks and from the tests that prove them: change those.

```sh
./parley doctor
./parley doctor --json
./parley doctor --only layer-is-well --only certificate-lasts
./parley doctor --wait 60
./parley doctor --idle 65 --forge
./parley doctor --stack compose
sudo ./parley doctor --stack systemd
```

It looks at the stack that `./parley up` runs (in another folder: `--dir`), at the project of docker-compose.prod.yml,
or at what is installed on this host, and changes nothing in it. Each check comes to `ok`, `BROKEN` or `-`, with its
evidence or the reason why it was not looked at; below a broken one stand the fix and the page to read. Exit status 0:
nothing is broken; 1: something is; 2: it cannot look, as when parley.toml itself cannot be read. A stack that does not
run is one finding, and the rules of parley.toml are judged all the same. `--json` prints a list of objects with `id`,
`verdict`, `evidence`, `sentence`, `fix` and `page`. `--only ID` looks at that alone; with `--wait SECONDS` what is
broken is looked at again for so long, for a stack that is being mended.

What is one fault has one name: a check that needs another is not looked at while that one is broken.

Two checks are left out unless asked for. `--idle SECONDS` leaves a socket alone for that long: 65 is longer than every
timeout of the default stack. `--forge` fails six log-ins of a person who cannot exist, which counts against the address
it comes from. The message of `message-comes-back` goes into a room that nobody else is in.

What one of the stacks does not show has the reason beside its `-`. An installed stack is held against the templates and
the parley.toml of the release that it serves: from another checkout these checks say which release that is.

## What it looks at

"""
NAMES = {"local": "`up`", "compose": "Compose", "systemd": "systemd"}
MATRIX = """
## The matrix

Each row is broken in the way it says, and the doctor names that row's check and no other; on the healthy stack it names
none. nginx is wrong in what it runs with or in its files, web-2 and Redis in their processes. The rules that `up` has
not, or works out by itself, are broken in the model of Compose, where nothing has to run; what `up` does not show is
broken under systemd (`tests/doctor/test_systemd.py`). On healthy stacks of Compose and systemd it names nothing.
On each of the three every check with that stack's name under "Where" has something to look at; one that has nothing on
any of them fails the build.
`tests/doctor/test_matrix.py::test_what_is_broken_is_named_and_nothing_else` runs all of it.

| broken | found |
|---|---|
| nothing | nothing |
"""


def text() -> str:
    """Return the page."""
    return HEAD + "\n".join(line for check in CHECKS for line in _entry(check)) + "\n" + MATRIX + "".join(_rows())


def _entry(check: Check) -> Iterator[str]:
    page = relpath(ROOT / check.page, PAGE.parent)
    yield f"### {check.id}"
    yield ""
    yield f"What holds: {check.sentence}."
    yield ""
    yield f"- How it looks: {check.looks}"
    if check.needs:
        yield f"- Only while these are well: {_names(check.needs)}"
    yield f"- Where: {', '.join(NAMES[one] for one in check.stacks)}"
    yield f"- The fix: {check.fix}"
    yield f"- Read: [{check.page}]({page})"
    yield ""


def _names(ids: tuple[str, ...]) -> str:
    """Name some, or say how many there are of them."""
    return ", ".join(f"`{one}`" for one in ids) if len(ids) < 4 else f"{len(ids)} others, which say more"


def _rows() -> Iterator[str]:
    for check in CHECKS:
        yield f"| {BREAKS[check.id].words} | `{check.id}` |\n"


if __name__ == "__main__":
    PAGE.write_text(text())
