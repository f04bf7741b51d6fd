"""Mutants of the parts that keep the promises, and who of them survives the unit tests (CONTRIBUTING.md)."""

import argparse
import collections
import contextlib
import difflib
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.checkout import ROOT

LEFT = shutil.ignore_patterns(".git", ".venv", ".parley", "__pycache__", ".*_cache", ".hypothesis")


def main() -> None:
    """Judge a draw of mutants, each process in its copy of the checkout, a line each, and count them."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--most", type=int, default=600)
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--processes", type=int, default=2, help="that judge side by side: tests mostly wait")
    parser.add_argument("--out", type=Path, default=Path("mutants.jsonl"), help="a line of JSON for each mutant")
    parser.add_argument("--again", type=Path, help="judge only those that this file of an earlier run has not killed")
    parser.add_argument("--inside", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.inside is not None:
        judge_share(asked)
        return
    asked.out.write_text("")
    with contextlib.ExitStack() as folders:
        running = []
        for share in range(asked.processes):
            folder = folders.enter_context(tempfile.TemporaryDirectory(prefix="parley-mutants-"))
            shutil.copytree(ROOT, folder, ignore=LEFT, dirs_exist_ok=True)
            numbers = (f"--seed={asked.seed}", f"--most={asked.most}", f"--minutes={asked.minutes}")
            command = [
                sys.executable, "-m", "tests.mutants", f"--inside={share}", *numbers,
                f"--processes={asked.processes}", f"--out={asked.out.resolve()}",
                *([f"--again={asked.again.resolve()}"] if asked.again else []),
            ]  # fmt: skip
            running.append(subprocess.Popen(command, cwd=folder))
        failed = [process.wait() for process in running]
    count(asked.out)
    sys.exit(any(failed))


def last_verdicts(out: Path) -> dict[int, dict[str, Any]]:
    """Read by its number what was said last of each mutant."""
    return {line["number"]: line for line in map(json.loads, out.read_text().splitlines())}


def count(out: Path) -> None:
    """Say how many of each package were killed; a later round decides."""
    said = last_verdicts(out).values()
    counts = collections.Counter((str(Path(line["path"]).parent), line["verdict"]) for line in said)
    for (package, verdict), number in sorted(counts.items()):
        say(f"{package:14} {verdict:10} {number}")


def say(line: str) -> None:
    """Write a line at once; long work is watched."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def judge_share(asked: argparse.Namespace) -> None:
    """Judge a share of them in this folder, which is a copy: by the fast tests, who survives by the next ones."""
    # Of the copy; and cosmic-ray is in no lock.
    from tests.mutants.choose import mutants
    from tests.mutants.judge import Judge, warm
    from tests.mutants.which import JUDGES

    until = time.monotonic() + asked.minutes * 60
    drawn = [*enumerate(itertools.islice(mutants(ROOT, seed=asked.seed), asked.most))]
    before = last_verdicts(asked.again) if asked.again else {}
    drawn = [one for one in drawn if before.get(one[0], {"verdict": "survived"})["verdict"] == "survived"]
    drawn = drawn[asked.inside :: asked.processes]
    say(f"{len(drawn)} mutants, drawn with seed {asked.seed}")
    warm()
    judge = Judge(ROOT)
    gone: set[int] = set()
    for turn in range(max(map(len, JUDGES.values()))):
        for number, mutant in drawn:
            rounds = JUDGES[mutant.path]
            if turn >= len(rounds) or number in gone:
                continue
            if time.monotonic() > until:
                say(f"out of time in round {turn + 1} at mutant {number}")
                break
            judge.learn(rounds[turn])
            path = ROOT / mutant.path
            source = path.read_text()
            began = time.monotonic()
            try:
                path.write_text(mutant.code)
                verdict = judge.verdict(mutant.path, rounds[turn])
            finally:
                path.write_text(source)
            if verdict != "survived":
                gone.add(number)
            changed = difflib.unified_diff(source.splitlines(), mutant.code.splitlines(), n=1, lineterm="")
            line = {
                "number": number, "round": turn + 1, "path": mutant.path, "line": mutant.line,
                "operator": mutant.operator, "verdict": verdict, "seconds": round(time.monotonic() - began, 1),
                "failed": judge.failed(), "difference": [*changed][2:],
            }  # fmt: skip
            with asked.out.open("a") as lines:
                lines.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
