"""Names and titles: any language, one visible line."""

import pytest
from django.core.exceptions import ValidationError

from accounts.forms import GuestForm
from accounts.names import LineField, validate_line


@pytest.mark.parametrize(
    "name", ["Ana López", "عمر", "李雷", "👩‍🚀", "<script>", "x" * 40, "O'Neil\u00a0Jr.", "한\u3164글"]
)
def test_names_of_people(name: str) -> None:
    """A name is whatever people are called."""
    form = GuestForm({"name": name})
    assert form.is_valid(), form.errors
    assert form.cleaned_data["name"] == name


def test_spaces_around_are_cut() -> None:
    """Nobody means the spaces around a name."""
    assert LineField().clean("  Ana  ") == "Ana"


@pytest.mark.parametrize(
    "name",
    [
        "", "   ", "\u00a0\u2003", "\u200b", "\u202e", "x" * 41, "a\x00b", "a\x1fb", "Ana\x1f", "a\nb", "a\tb",
        "a\x7fb", "\x85", "a\ud800", "\udfff", "\u3164", "\u115f\u1160", "\uffa0 \u2800", "\u034f\ufe0f", "\U000e0100",
    ],
)  # fmt: skip
def test_no_names(name: str) -> None:
    """Empty, too long, invisible, control characters and half characters are refused with a reason."""
    form = GuestForm({"name": name})
    assert not form.is_valid()
    assert form.errors["name"]


@pytest.mark.parametrize(("line", "code"), [("a\x00", "control"), ("\ud800", "control"), ("\u200b", "invisible")])
def test_reasons(line: str, code: str) -> None:
    """Each refusal says which rule it is."""
    with pytest.raises(ValidationError) as refused:
        validate_line(line)
    assert refused.value.code == code
