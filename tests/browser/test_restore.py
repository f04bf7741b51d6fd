"""A page that stays open while the database is taken back to a backup."""

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Come
from tests.deploy.operations.backup.roundtrip import backup
from tests.running import free_port, running_stack

pytestmark = [pytest.mark.browser, pytest.mark.stack]


async def test_it_shows_the_truth(tmp_path: Path, come: Come) -> None:
    """What was written after the backup is gone from the page, by itself, and what is written next stands there."""
    directory, port = tmp_path / "stack", ("--port", str(free_port()))
    with running_stack(directory, *port) as stack:
        ana = await come(stack, "Ana")
        await ana.say("before the backup")
        backup(stack, "create")
        await ana.say("after the backup")
    await ana.context.set_offline(True)  # or the page waits up to half a minute before it comes back
    backup(stack, "restore", next((directory / "backups").glob("*Z")).name)
    with running_stack(directory, *port):
        await ana.context.set_offline(False)
        await expect(ana.texts).to_have_text(["before the backup"])
        await ana.online()
        await ana.say("after the restore")
        await expect(ana.texts).to_have_text(["before the backup", "after the restore"])
