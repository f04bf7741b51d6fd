"""docs/doctor.md, written from the registry and the matrix: `python -m tests.deploy.operations.doctor.page`."""

from collections.abc import Iterator
from os.path import relpath

from deploy.operations.doctor.check import Check
from deploy.operations.doctor.checks import CHECKS
from tests.checkout import ROOT
from tests.deploy.operations.doctor.breaks import BREAKS

PAGE = ROOT / "docs" / "doctor.md"
HEAD = """\
# The doctor

Written by `python -m tests.deploy.operations.doctor.page` from the checks and the tests that prove them:
change those.

```sh
./parley doctor
./parley doctor --json
./parley doctor --only layer-is-well --only certificate-lasts
./parley doctor --wait 60
./parley doctor --idle 65 --forge
./parley doctor --stack compose
sudo ./parley doctor --stack systemd
```

The doctor examines one stack and changes nothing in it: the local stack (another folder: `--dir`), the project of
docker-compose.prod.yml, or the stack that is installed on this host. Each check is `ok`, `BROKEN` or `-`. The evidence
follows, or the reason why the check did not run. Below a broken check stand the fix and the page to read.

| exit status | meaning |
|---|---|
| 0 | nothing is broken |
| 1 | something is broken |
| 2 | the doctor cannot start, for example because parley.toml cannot be read |

- `--json` prints a list of objects with `id`, `verdict`, `evidence`, `sentence`, `fix` and `page`.
- `--only ID` runs only that check.
- `--wait SECONDS` repeats the broken checks for that long: use it while you repair a stack.
- `--idle SECONDS` also leaves a socket idle for that long. 65 is longer than every timeout of the default stack.
- `--forge` also tries six log-ins of a user who cannot exist. They count against the address from which you run it.

One fault gives one finding: a check that needs another one does not run while that one is broken. A stack that does not
run is one finding, and the configuration rules are still checked. The message of `message-comes-back` goes into
the room of the probe account, which nobody else is in.

With `--project` it examines [your project](your-project.md). Its pages and its frames are not known, so the checks that
need them say `-`, and `handshakes-are-passed-on` compares nginx's answer under each prefix of `project.sockets` with
that of an instance.

Where a stack cannot show something, the check says `-` with the reason. An installed stack is compared with the
templates and the parley.toml of the release that it runs. In the checkout of a different release these checks name it.

## The checks

"""
NAMES = {"local": "`up`", "compose": "Compose", "systemd": "systemd"}
MATRIX = """
## The matrix

The tests break a stack in the way of each row. The doctor must then report that row's check and no other. On a healthy
stack, local, under Compose or systemd, it must report nothing. All rows are run by
`tests/deploy/operations/doctor/test_matrix.py::test_what_is_broken_is_named_and_nothing_else`.

- nginx is broken in its files or in the configuration it runs with; web-2 and Redis in their processes.
- A rule that the local stack does not have, or computes itself, is broken in the configuration of Compose, where
  nothing has to run.
- What the local stack does not show is broken under systemd (`tests/deploy/operations/doctor/test_systemd.py`).
- What only Compose has is broken there (`tests/deploy/stacks/compose/test_subnets.py`, `test_shelf.py`).
- Each check must have something to examine on every stack under its "Where".

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
    yield f"It checks: {check.sentence}."
    yield ""
    yield f"- How: {check.looks}"
    if check.needs:
        yield f"- Only while these are ok: {_names(check.needs)}"
    yield f"- Where: {', '.join(NAMES[one] for one in check.stacks)}"
    yield f"- The fix: {check.fix}"
    yield f"- Read: [{check.page}]({page})"
    yield ""


def _names(ids: tuple[str, ...]) -> str:
    """Name some, or say how many there are of them."""
    return ", ".join(f"`{one}`" for one in ids) if len(ids) < 4 else f"{len(ids)} other checks"


def _rows() -> Iterator[str]:
    for check in CHECKS:
        yield f"| {BREAKS[check.id].words} | `{check.id}` |\n"


if __name__ == "__main__":
    PAGE.write_text(text())
