"""Mutants of the parts that keep the promises, and who of them survives the unit tests (CONTRIBUTING.md)."""

import argparse
import collections
import difflib
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
LEFT = shutil.ignore_patterns(".git", ".venv", ".parley", "__pycache__", ".*_cache", ".hypothesis")


def main() -> None:
    """Judge a draw of mutants in a copy of the checkout, a line each, and count them."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--most", type=int, default=600)
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--out", type=Path, default=Path("mutants.jsonl"), help="a line of JSON for each mutant")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.inside:
        judge_all(asked)
        return
    with tempfile.TemporaryDirectory(prefix="parley-mutants-") as folder:
        shutil.copytree(ROOT, folder, ignore=LEFT, dirs_exist_ok=True)
        numbers = (f"--seed={asked.seed}", f"--most={asked.most}", f"--minutes={asked.minutes}")
        command = [sys.executable, "-m", "tests.mutants", "--inside", *numbers, f"--out={asked.out.resolve()}"]
        sys.exit(subprocess.run(command, cwd=folder, check=False).returncode)


def say(line: str) -> None:
    """Write a line at once; long work is watched."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def judge_all(asked: argparse.Namespace) -> None:
    """Judge them in this folder, which is a copy: all of them by the fast tests, who survives by the next ones."""
    # Of the copy; and cosmic-ray is in no lock.
    from tests.mutants.choose import mutants
    from tests.mutants.judge import MORE_SECONDS, SECONDS, judged, warm
    from tests.mutants.which import JUDGES

    until = time.monotonic() + asked.minutes * 60
    drawn = list(itertools.islice(mutants(ROOT, seed=asked.seed), asked.most))
    say(f"{len(drawn)} mutants, drawn with seed {asked.seed}")
    warm()
    output = ROOT / "output.txt"
    verdicts: dict[int, str] = {}
    sound: set[str] = set()
    with asked.out.open("w") as lines:
        for turn in range(max(map(len, JUDGES.values()))):
            for number, mutant in enumerate(drawn):
                rounds = JUDGES[mutant.path]
                if turn >= len(rounds) or verdicts.get(number, "survived") != "survived":
                    continue
                if time.monotonic() > until:
                    say(f"out of time in round {turn + 1} at mutant {number}")
                    break
                tests, seconds = rounds[turn], MORE_SECONDS if turn else SECONDS
                if str(tests) not in sound and not any(
                    judged(mutant.path, tests, output, seconds=MORE_SECONDS) == "survived" for _ in range(3)
                ):
                    sys.exit(f"{mutant.path}: its tests fail without a mutant:\n{output.read_text()}")
                sound.add(str(tests))
                path = ROOT / mutant.path
                source = path.read_text()
                try:
                    path.write_text(mutant.code)
                    verdicts[number] = judged(mutant.path, tests, output, seconds=seconds)
                finally:
                    path.write_text(source)
                changed = difflib.unified_diff(source.splitlines(), mutant.code.splitlines(), n=1, lineterm="")
                said = {
                    "number": number, "round": turn + 1, "path": mutant.path, "line": mutant.line,
                    "operator": mutant.operator, "verdict": verdicts[number], "difference": [*changed][2:],
                }  # fmt: skip
                lines.write(json.dumps(said) + "\n")
                lines.flush()
    counts = collections.Counter((drawn[number].package, verdict) for number, verdict in verdicts.items())
    for (package, verdict), count in sorted(counts.items()):
        say(f"{package:14} {verdict:10} {count}")


if __name__ == "__main__":
    main()
