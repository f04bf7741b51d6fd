"""What a name or a title may be made of."""

import unicodedata
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

INVISIBLE = frozenset("CZ")  # Unicode's control, format, surrogate and separator categories
# Letters, marks and symbols that are drawn as nothing: fillers, selectors of a variant, an empty cell of Braille.
BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0\U0001d159").union(
    map(chr, range(0xFE00, 0xFE10)), map(chr, range(0xE0100, 0xE01F0))
)


def validate_line(value: str) -> None:
    """Refuse a line with control characters or lone surrogates, or with nothing in it that can be seen."""
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in value):
        raise ValidationError(_("Control characters are not allowed here."), code="control")
    if all(character in BLANK or unicodedata.category(character)[0] in INVISIBLE for character in value):
        raise ValidationError(_("Write something that can be seen."), code="invisible")


class LineField(forms.CharField):
    """One line of visible text, stripped of the spaces around it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(strip=False, **options)

    def to_python(self, value: Any) -> str:
        """Check before stripping: Python counts some control characters as space."""
        text = super().to_python(value) or ""
        if text:
            validate_line(text)
        return text.strip()
