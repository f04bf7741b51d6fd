"""Autobahn's fuzzing client against an echo behind our worker, direct and through nginx (docs/security.md)."""

import argparse
import collections
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.attack.echo import PATH, echo_past_nginx, echoing_checkout
from tests.running import running_stack

CASES = ("1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*")  # 12 and 13 are deflate, which is off
GOOD = {"OK": "passed", "NON-STRICT": "non-strict", "INFORMATIONAL": "informational"}  # anything else has failed
COLUMNS = ("passed", "non-strict", "informational", "failed")

Verdicts = dict[str, str]  # case → column


def main() -> None:
    """Run the cases on both ways, print the table, and fail if a case failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.attack.autobahn", description=__doc__)
    parser.add_argument("--python", default="python2.7", help="a Python 2.7")
    parser.add_argument("--suite", type=Path, default=Path("~/autobahn"), help="the PYTHONUSERBASE of the suite")
    parser.add_argument("--out", type=Path, help="a folder for Autobahn's own reports")
    parser.add_argument("--cases", nargs="+", default=CASES)
    asked = parser.parse_args()
    found: dict[str, Verdicts] = {}
    with tempfile.TemporaryDirectory(prefix="parley-autobahn-") as name:
        folder = Path(name)
        root = echoing_checkout(folder / "checkout")
        for way, address in ways(root, folder / "stack"):
            found[way] = run(asked, way, address, asked.out or folder)
    sys.stdout.write(table(found))
    sys.exit(any("failed" in verdicts.values() for verdicts in found.values()))


def ways(root: Path, directory: Path) -> Iterator[tuple[str, str]]:
    """Give each way to the echo, while its server runs."""
    with echo_past_nginx(root) as address:
        yield "direct", address
    with running_stack(directory, root=root) as stack:
        yield "nginx", stack.url


def run(asked: argparse.Namespace, way: str, address: str, out: Path) -> Verdicts:
    """Run the cases against one address, and give the verdict of each."""
    reports = (out / way).resolve()
    reports.mkdir(parents=True, exist_ok=True)
    server = {"agent": way, "url": address.replace("http", "ws", 1) + PATH, "origin": address}
    spec = {"outdir": str(reports), "servers": [server], "cases": list(asked.cases)}
    (reports / "spec.json").write_text(json.dumps(spec))
    command = [asked.python, "-m", "autobahntestsuite.wstest", "-m", "fuzzingclient", "-s", str(reports / "spec.json")]
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    env["PYTHONUSERBASE"] = str(asked.suite.expanduser().resolve())
    subprocess.run(command, env=env, check=True, stdout=sys.stderr)
    cases = json.loads((reports / "index.json").read_text())[way]
    return {case: verdict(found) for case, found in cases.items()}


def verdict(found: dict[str, str]) -> str:
    """Give the column of one case: of its messages, or of its close where that is the worse one."""
    both = [GOOD.get(found[name], "failed") for name in ("behavior", "behaviorClose")]
    if "failed" in both:
        return "failed"
    return both[0] if both[1] != "non-strict" else "non-strict"


def table(found: dict[str, Verdicts]) -> str:
    """Write the counts by chapter, and which cases were not simply passed."""
    lines = ["| way | chapter | " + " | ".join(COLUMNS) + " |", "|---|---|" + "---|" * len(COLUMNS)]
    for way, verdicts in found.items():
        chapters: dict[int, collections.Counter[str]] = collections.defaultdict(collections.Counter)
        for case, said in verdicts.items():
            chapters[int(case.partition(".")[0])][said] += 1
        for chapter, counts in sorted(chapters.items()):
            lines.append(f"| {way} | {chapter} | " + " | ".join(str(counts[name]) for name in COLUMNS) + " |")
    lines += [f"\n{way}, {name}: {', '.join(cases(found[way], name))}" for way in found for name in COLUMNS[1:]]
    return "\n".join(lines) + "\n"


def cases(verdicts: Verdicts, column: str) -> list[str]:
    """Name the cases of a column, 9.2 before 9.10."""
    return sorted(
        (case for case, said in verdicts.items() if said == column),
        key=lambda case: [int(part) for part in case.split(".")],
    )


if __name__ == "__main__":
    main()
