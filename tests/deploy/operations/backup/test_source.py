"""Who has to be stopped before a restore."""

from pathlib import Path

import pytest

from deploy.errors import BadInputError
from deploy.operations.backup.source import InstalledSource
from deploy.stacks.stack import Instance
from tests.deploy.operations.rollout.fake import OLD, FakeStack


def test_a_process_of_the_project_has_the_database_open_too(tmp_path: Path) -> None:
    """It is named beside the instances, and alone."""
    stack = FakeStack(tmp_path, serving=[Instance("web-1", OLD, running=False)], beside=["process-celery-1"])
    refused = "process-celery-1 of fake run: stop them before a restore"
    with pytest.raises(BadInputError, match=f"^{refused}$"), InstalledSource(stack).stopped("restore"):
        pass
    stack.beside = ()
    with InstalledSource(stack).stopped("restore"):
        pass
