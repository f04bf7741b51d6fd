"""CPU and memory by /proc: of whole trees, threads and ended children included."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.operations.bench import cost


def process(folder: Path, pid: int, ticks: tuple[int, int, int, int], children: str = "", pss: int = 0) -> None:
    """Write one process of a made-up /proc."""
    home = folder / str(pid)
    (home / "task" / str(pid)).mkdir(parents=True)
    (home / "task" / str(pid) / "children").write_text(children)
    fields = ["S", "1", *["0"] * 9, *map(str, ticks), "20"]
    (home / "stat").write_text(f"{pid} (a name) with ) in it) {' '.join(fields)}\n")
    (home / "smaps_rollup").write_text(f"00400000-7fff [rollup]\nRss: 999 kB\nPss:  {pss} kB\nPss_Anon: 5 kB\n")


def test_tree_is_summed(tmp_path: Path) -> None:
    """All of a tree once, also where one root is inside another's tree; who is not below it is left out."""
    process(tmp_path, 10, (1, 2, 3, 4), "11 12 ", pss=100)
    process(tmp_path, 11, (10, 0, 0, 0), pss=20)
    process(tmp_path, 12, (0, 20, 0, 0), "13", pss=3)
    process(tmp_path, 13, (0, 0, 30, 0), pss=1)
    process(tmp_path, 99, (1000, 0, 0, 0), pss=5000)
    assert sorted(cost.tree(10, tmp_path)) == [10, 11, 12, 13]
    assert cost.cpu_seconds([10, 12], tmp_path) == 70 / cost.TICKS_PER_SECOND
    assert cost.pss_kilobytes([10, 12], tmp_path) == 124


def test_process_that_has_gone_counts_nothing(tmp_path: Path) -> None:
    """Between two readings one may end."""
    assert cost.tree(10, tmp_path) == []
    assert cost.cpu_seconds([10], tmp_path) == 0.0
    assert cost.pss_kilobytes([10], tmp_path) == 0


@contextmanager
def python(source: str) -> Iterator[subprocess.Popen[str]]:
    """Run a program that prints a line when it is done and then waits for the end of its input."""
    program = f"{source}\nprint('done', flush=True)\nimport sys; sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "done\n"
        yield child
        child.communicate()


BURN = "import time\nend = time.process_time() + {seconds}\nwhile time.process_time() < end: pass\n"


def test_threads_and_ended_children_are_counted() -> None:
    """What a thread and a child that has ended burnt is the tree's."""
    burn = BURN.format(seconds=0.3)
    source = f"""
import subprocess, sys, threading
thread = threading.Thread(target=exec, args=({burn!r},))
thread.start(); thread.join()
subprocess.run([sys.executable, "-c", {burn!r}], check=True)
"""
    with python(source) as child:
        assert cost.cpu_seconds([child.pid]) >= 0.55


def test_memory_grows_by_what_is_held() -> None:
    """20 MB more are 20 MB more."""
    with python("") as small, python("held = b'x' * 20_000_000") as large:
        growth = cost.pss_kilobytes([large.pid]) - cost.pss_kilobytes([small.pid])
    assert 18_000 < growth < 24_000


def test_groups_are_kept_apart() -> None:
    """Each group has its own figure."""
    groups = {"servers": [os.getpid()], "redis": []}
    assert cost.cpu_by_group(groups)["servers"] > 0
    assert cost.cpu_by_group(groups)["redis"] == 0
    assert cost.pss_by_group(groups)["servers"] > 0
