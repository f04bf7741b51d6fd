"""Keys of parley.toml that only a started stack can show."""

import http.client
from pathlib import Path

import pytest

from tests.running import changed_checkout, free_port, running_stack

pytestmark = pytest.mark.stack


async def test_plain_http_and_a_limit_of_ones_own(tmp_path: Path) -> None:
    """`site.http_port` leads to https, and `limits.open_files` is kept to where the machine allows more."""
    port = free_port()
    root = changed_checkout(
        tmp_path / "checkout",
        ("parley.toml", "http_port = 0  ", f"http_port = {port}  "),
        ("parley.toml", "open_files = 0  ", "open_files = 3000  "),
    )
    with running_stack(tmp_path / "stack", root=root) as stack:
        await stack.line("web-1 and web-2: 749 sockets each (open files: 3000)")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/rooms/?a=b", headers={"Host": f"localhost:{port}"})
        answer = connection.getresponse()
        connection.close()
        assert (answer.status, answer.headers["Location"]) == (308, f"{stack.url}/rooms/?a=b")
