"""The newcomer's second command: `./parley test` in a bare Debian, as an ordinary user who has installed nothing.

    .venv/bin/python -m tests.launcher.bare SUITE [pytest arguments]     bookworm or trixie, all of it
    .venv/bin/python -m tests.launcher.bare both                         what `.ci/run` runs

There is python3 with python3-venv, and in trixie Docker's client too, which Debian has without its Compose plugin and
without an engine: nothing else, so that whatever a test takes from the machine is missed. The checkout is a copy of
what git tracks or would (a newcomer's clone, without its .git). It needs root and mmdebstrap, and ends with pytest's
exit status, after pytest's summary with the skips counted by reason.

`both` runs the whole short set in one of the two, by turns (the day's parity), and in the other what takes programs
from PATH.
"""

import datetime as dt
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.checkout import ROOT
from tests.launcher.trees import INSIDE, Tree, lacks, mounted
from tests.sets import LANES

PACKAGES = {"bookworm": ("python3-venv",), "trixie": ("python3-venv", "docker-cli")}
LANG = {"bookworm": "C.UTF-8", "trixie": ""}  # as a terminal has it, and as a container's shell has none
SIZE = "4g"  # the environment takes 0.6 GB, and what the tests leave in /tmp as much again
# What takes a program from PATH where there is one (tests/programs.py), has to do with the user, or asks Docker.
FROM_PATH = (
    "tests/app/chat/test_log_postgres.py",
    "tests/app/chat/test_scripts.py",
    "tests/app/chat/test_translations.py",
    "tests/app/parley_serving/test_pubsub.py",
    "tests/deploy/operations/backup/test_postgres.py",
    "tests/deploy/stacks/compose/test_rendered.py",
    "tests/deploy/stacks/test_own_key.py",
    "tests/deploy/stacks/test_shipped.py",
    "tests/deploy/text/test_golden.py",
    "tests/deploy/text/test_models.py",
    "tests/deploy/stacks/local/test_project.py",
    "tests/deploy/stacks/local/test_up.py",
    "tests/deploy/effects/test_procfs.py",
    "tests/launcher/test_choices.py",
    "tests/deploy/text/nginx",
    "tests/pitfalls/test_client.py",
    "tests/pitfalls/test_layer.py",
    "tests/pitfalls/test_nginx.py",
    "tests/deploy/text/prometheus/test_rules.py",
    "tests/deploy/operations/rollout/test_migrations.py",
    "tests/deploy/operations/runbooks/test_disk_full.py",
    "tests/deploy/operations/runbooks/test_replicas.py",
    "tests/deploy/operations/runbooks/test_worker_restarts.py",
    "tests/deploy/stacks/local/test_sentinel.py",
)


def copy_tracked(target: Path) -> None:
    """Copy what git tracks, and what is not ignored, as a clone has it after the next commit."""
    listed = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        source = ROOT / name
        if source.exists() or source.is_symlink():  # else it is removed, and the removal not committed
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name, follow_symlinks=False)


def tested(tree: Tree, language: str, *arguments: str) -> int:
    """Run `./parley test` in it and give its exit status; its output is ours."""
    copy_tracked(tree.root / INSIDE[1:])
    tree.give()
    command = tree.command(f"{INSIDE}/parley", "test", *arguments, LANG=language)
    return subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode


def bare(suite: str, *arguments: str) -> int:
    """Make the suite's tree, run the tests there, and tell how long it took."""
    started = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="parley-bare-") as space,
        mounted(Path(space), suite, *PACKAGES[suite], size=SIZE) as tree,
    ):
        status = tested(tree, LANG[suite], *arguments)
    print(f"bare {suite}: exit {status} after {time.monotonic() - started:.0f} s", flush=True)  # noqa: T201
    return status


def both(today: dt.date) -> int:
    """Run everything in one of the two, and in the other what takes programs from PATH."""
    whole, other = sorted(PACKAGES, reverse=bool(today.toordinal() % 2))
    return bare(whole) or bare(other, f"--numprocesses={LANES}", "--dist=loadgroup", *FROM_PATH)


def main(arguments: Sequence[str]) -> int:
    """Exit 2 names what is missing."""
    suite, *rest = arguments or [""]
    if suite not in (*PACKAGES, "both") or (suite == "both" and rest):
        return complain(f"which Debian? {', '.join(PACKAGES)} or both")
    if need := lacks():
        return complain(f"a bare Debian tree needs {need}")
    return both(dt.datetime.now(dt.UTC).date()) if suite == "both" else bare(suite, *rest)


def complain(line: str) -> int:
    """Say one line."""
    print(f"bare: {line}", file=sys.stderr)  # noqa: T201
    return 2


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # and what is mounted is unmounted
    sys.exit(main(sys.argv[1:]))
