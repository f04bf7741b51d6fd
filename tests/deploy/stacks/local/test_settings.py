"""Keys of parley.toml that only a started stack can show."""

import http.client
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import RunningStack, changed_checkout, free_port, running_stack
from tests.waiting import PATIENCE

pytestmark = pytest.mark.stack


def doctor(stack: RunningStack, *options: str) -> subprocess.CompletedProcess[str]:
    """Have the doctor of the stack's checkout look at it."""
    command = [sys.executable, "-P", "-m", "deploy", "doctor", "--dir", str(stack.directory), *options]
    env = os.environ | {"PYTHONPATH": str(stack.root)}
    return subprocess.run(
        command, cwd=stack.root, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def examined(stack: RunningStack, *options: str) -> dict[str, str]:
    """Have the doctor find nothing wrong; return the evidence by the check's id."""
    done = doctor(stack, "--json", *options)
    found = json.loads(done.stdout)
    assert done.returncode == 0, [one for one in found if one["verdict"] not in {"ok", "not applicable"}]
    return {one["id"]: one["evidence"] for one in found}


async def test_plain_http_and_a_limit_of_ones_own(tmp_path: Path) -> None:
    """`site.http_port` leads to https, and `limits.open_files` is kept to where the machine allows more.

    And with pings every 2 s the doctor leaves a socket alone for longer than any timeout on the way: nginx's are 6 s.
    """
    port = free_port()
    root = changed_checkout(
        tmp_path / "checkout",
        ("parley.toml", "http_port = 0  ", f"http_port = {port}  "),
        ("parley.toml", "open_files = 0  ", "open_files = 3000  "),
        ("parley.toml", "ping_seconds = 20  ", "ping_seconds = 2  "),
    )
    with running_stack(tmp_path / "stack", root=root) as stack:
        await stack.line("web-1 and web-2: 749 sockets each (open files: 3000)")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/rooms/?a=b", headers={"Host": f"localhost:{port}"})
        answer = connection.getresponse()
        connection.close()
        assert (answer.status, answer.headers["Location"]) == (308, f"{stack.url}/rooms/?a=b")
        said = examined(stack, "--idle", "8")
        assert (said["three-pings"], said["idle-socket-lives"]) == ("6 = 6", "alive after 8 s")


async def test_a_file_of_nginx_that_is_needed_no_more_is_gone(tmp_path: Path) -> None:
    """Without `site.http_port` and `nginx.hsts_seconds` a folder of before has two files less."""
    root = changed_checkout(tmp_path / "checkout", ("parley.toml", "http_port = 0  ", f"http_port = {free_port()}  "))
    with running_stack(tmp_path / "stack", root=root) as stack:
        before = int(examined(stack)["nginx-files-are-the-model"].split()[0])
    text = re.sub(r"(http_port|hsts_seconds) = \d+", r"\1 = 0", (root / "parley.toml").read_text())
    (root / "parley.toml").write_text(text)
    with running_stack(tmp_path / "stack", root=root) as stack:
        assert examined(stack)["nginx-files-are-the-model"] == f"{before - 2} files"
