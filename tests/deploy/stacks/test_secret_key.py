"""Django's key, rotated in its file."""

from pathlib import Path

import pytest

from deploy.errors import BadInputError
from deploy.stacks.secret_key import KEY_BYTES, Act, act, name


def test_a_rotation_from_its_begin_to_its_end(tmp_path: Path) -> None:
    """The new key is believed before it signs, and the old one after it; nobody is shown either."""
    path = tmp_path / "secret_key"
    path.write_text("o" * 64)  # as it is made: without a line's end
    path.chmod(0o440)
    old = name("o" * 64)
    assert act(path, "show") == [f"{old} signs"]
    said = act(path, "add")
    first, new = path.read_text().splitlines()
    assert (first, len(new)) == ("o" * 64, KEY_BYTES * 4 // 3)
    assert said == act(path, "show") == [f"{old} signs", f"{name(new)} is accepted"]
    assert act(path, "turn") == [f"{name(new)} signs", f"{old} is accepted"]
    assert act(path, "turn") == said, "and back"
    act(path, "turn")
    assert act(path, "drop") == [f"{name(new)} signs"]
    assert path.read_text() == f"{new}\n"
    assert path.stat().st_mode & 0o777 == 0o440


@pytest.mark.parametrize(
    ("keys", "what", "why"),
    [
        ("a b", "add", "there is a second key already"),
        ("a", "turn", "there is no second key"),
        ("a", "drop", "there is no second key"),
    ],
)
def test_what_is_not_its_turn_is_refused(tmp_path: Path, keys: str, what: Act, why: str) -> None:
    """A key too many would be dropped with its sessions."""
    path = tmp_path / "secret_key"
    path.write_text(keys)
    with pytest.raises(BadInputError, match=why):
        act(path, what)
    assert path.read_text() == keys
