"""What a command that failed is said to have failed for."""

import sys

import pytest

from deploy.effects import commands
from deploy.errors import StackError


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("no such image", "PYTHON ended with 3:\nno such image"),
        ("parley: / answers 500", "/ answers 500"),
        ("a warning\nparley: / answers 500", "PYTHON ended with 3:\na warning\nparley: / answers 500"),
        ("", "PYTHON ended with 3:"),
    ],
)
def test_the_words_of_a_failure(said: str, error: str) -> None:
    """A line of Parley's own, in a container, is the whole reason; of anything else the program is named."""
    command = [sys.executable, "-c", "import sys; print(sys.argv[1], file=sys.stderr); sys.exit(3)", said]
    with pytest.raises(StackError) as failed:
        commands.output(command)
    assert str(failed.value).replace(sys.executable.rpartition("/")[2], "PYTHON") == error
    with pytest.raises(StackError) as failed, commands.piped(command):
        pass
    assert str(failed.value).replace(sys.executable.rpartition("/")[2], "PYTHON") == error
