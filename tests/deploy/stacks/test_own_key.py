"""Which keys of a project's settings a new site takes over."""

import subprocess
from pathlib import Path

import pytest

from deploy.stacks import own_key
from tests.programs import needed

GOOD = "u#0x-=k(3$2v^q7m)l!a9s8d7f6g5h4j3k2l1z0x9c8v7b6n5m4"


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (GOOD, ""),
        (f"django-insecure-{GOOD}", "it begins with django-insecure-"),
        ("a-key-for-the-desk-alone", "fewer than 50 characters"),
        ("ab" * 40, "nearly all the same"),
        ("change-me-in-production-change-me-in-production-1234", "'changeme' in it"),
        ("your_SECRET_key-goes-here-9876543210-0123456789-abcdef", "'secret' in it"),
        ("unused" * 10, "'unused' in it"),
        ("7-unused-4f6d3a1b9c8e-unused-5f4e3d2c1b0a-with-a-salt", "'unused' in it"),
        (f"{GOOD}\n{GOOD}", "a line of a file"),
        (f"{GOOD} {GOOD}", "a line of a file"),
        (f"{GOOD}\u00e4", "a line of a file"),
    ],
)
def test_a_key_is_taken_if_nobody_can_guess_it(key: str, why: str, tmp_path: Path) -> None:
    """And is never said."""
    assert why in own_key.why_not(key)
    assert bool(own_key.why_not(key)) == bool(why)
    [line] = own_key.said(key, tmp_path)
    assert key not in line


def test_a_key_that_others_can_read_is_taken_with_a_warning(tmp_path: Path) -> None:
    """It names the file that git tracks; one that git ignores is nobody else's. Without git, a module counts."""
    needed("git", "git")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "settings.py").write_text(f'SECRET_KEY = "{GOOD}"')
    (tmp_path / ".env").write_text(f"SECRET_KEY={GOOD}")
    (tmp_path / ".gitignore").write_text(".env\n")
    taken, warning = own_key.said(GOOD, tmp_path)
    assert taken == own_key.TAKEN
    assert warning.startswith("warning: site/settings.py has SECRET_KEY in it: ")
    assert GOOD not in warning
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    subprocess.run(["git", "add", "."], cwd=tmp_path, check=True)
    assert list(own_key.said(GOOD, tmp_path)) == [taken, warning]
    (tmp_path / "site" / "settings.py").write_text("import environ")
    assert list(own_key.said(GOOD, tmp_path)) == [taken]
