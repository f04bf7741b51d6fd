"""Which keys of a project's settings a new site takes over."""

import pytest

from deploy.stacks import own_key

GOOD = "u#0x-=k(3$2v^q7m)l!a9s8d7f6g5h4j3k2l1z0x9c8v7b6n5m4"


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (GOOD, ""),
        (f"django-insecure-{GOOD}", "it begins with django-insecure-"),
        ("a-key-for-the-desk-alone", "fewer than 50 characters"),
        ("ab" * 40, "nearly all the same"),
        (f"{GOOD}\n{GOOD}", "a line of a file"),
        (f"{GOOD} {GOOD}", "a line of a file"),
        (f"{GOOD}\u00e4", "a line of a file"),
    ],
)
def test_a_key_is_taken_if_nobody_can_guess_it(key: str, why: str) -> None:
    """And is never said."""
    assert why in own_key.why_not(key)
    assert bool(own_key.why_not(key)) == bool(why)
    assert key not in own_key.said(key)
