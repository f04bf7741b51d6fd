"""The launcher in bare Debian 12 and 13, as a newcomer has them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.running import free_port

Debian = Callable[..., Any]  # conftest.Tree: a conftest cannot be imported
PARLEY = "/home/me/my checkout/parley"
# Starts `up`, waits for its first lines, asks it once through nginx, and stops it as Ctrl-C does.
UP_AND_DOWN = """
import json, signal, ssl, subprocess, sys, urllib.request
parley, port = sys.argv[1:]
up = subprocess.Popen([parley, "up", "--port", port], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
lines = []
try:
    for line in up.stdout:
        lines.append(line)
        if "Ctrl-C stops everything" in line:
            trust = ssl.create_default_context(cafile="/home/me/my checkout/.parley/tls/certificate.pem")
            answer = urllib.request.urlopen(f"https://127.0.0.1:{port}/readyz", context=trust, timeout=60)
            lines.append(f"readyz {answer.status}")
            up.send_signal(signal.SIGINT)
finally:
    up.terminate()
    print(json.dumps({"status": up.wait(), "lines": "".join(lines)}))
"""

pytestmark = [pytest.mark.launcher, pytest.mark.timeout(400)]


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
def test_without_python3_venv_one_line_names_the_package(debian: Debian, suite: str) -> None:
    """Debian's python3 alone cannot make an environment."""
    tree = debian(suite)
    done = tree.run(PARLEY, "up")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "parley: /usr/bin/python3 cannot make an environment (no ensurepip): "
        "install the package python3-venv, or uv, or virtualenv\n"
    )
    assert not (tree.root / PARLEY[1:]).with_name(".venv").exists()


@pytest.mark.parametrize("suite", ["bookworm", "trixie"])
def test_with_python3_venv_the_stack_comes_up(debian: Debian, suite: str) -> None:
    """No nginx, no Redis, no root: both come with pip. Under sudo nothing of root's is left behind."""
    tree = debian(suite, "python3-venv")
    done = tree.run(PARLEY, "--help", user=0)  # as under sudo: root, in somebody else's checkout
    assert (done.returncode, "Commands:" in done.stdout) == (0, True), done.stderr
    assert tree.owners() == {1000}
    port = str(free_port())
    run = tree.run("python3", "-c", UP_AND_DOWN, PARLEY, port)
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    assert told["status"] == 0, told["lines"]
    assert f"ready: https://localhost:{port}/" in told["lines"]
    assert "readyz 200" in told["lines"]
    assert "without Redis" not in told["lines"]
    assert tree.owners() == {1000}
