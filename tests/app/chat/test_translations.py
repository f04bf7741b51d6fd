"""Spanish is whole, and what is compiled is what is written."""

import ast
import gettext
import re
import shutil
import subprocess
import sys
from pathlib import Path

import django
from django.utils import translation

from chat.phrases import phrases
from tests.checkout import APP
from tests.programs import needed

SPANISH = APP / "locale/es/LC_MESSAGES"


def written(path: Path) -> dict[str, list[str]]:
    """Read a .po: each message and its translations (several where it counts), without the header."""
    found: dict[str, list[str]] = {}
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        parts = re.findall(r'^(msgid|msgid_plural|msgstr(?:\[\d\])?) ((?:".*"\s*)+)', block, re.MULTILINE)
        texts = {name: "".join(ast.literal_eval(line) for line in text.splitlines()) for name, text in parts}
        if texts.get("msgid"):
            found[texts["msgid"]] = [text for name, text in texts.items() if name.startswith("msgstr")]
    return found


def test_every_message_is_translated() -> None:
    """None is missing, none is a guess of the tools, and all placeholders are kept."""
    source = SPANISH / "django.po"
    assert "fuzzy" not in source.read_text(encoding="utf-8")
    for message, translations in written(source).items():
        assert all(translations), message
        for text in translations:
            assert set(re.findall(r"\{\w+\}|%\(\w+\)\w", text)) == set(re.findall(r"\{\w+\}|%\(\w+\)\w", message)), (
                message
            )


def test_compiled_is_what_is_written() -> None:
    """The .mo that machines without gettext use has every message of the .po, and no other."""
    with (SPANISH / "django.mo").open("rb") as compiled:
        catalog = gettext.GNUTranslations(compiled)._catalog  # type: ignore[attr-defined]
    expected: dict[object, str] = {}
    for message, translations in written(SPANISH / "django.po").items():
        if len(translations) == 1:
            expected[message] = translations[0]
        else:
            expected |= {(message, number): text for number, text in enumerate(translations)}
    assert {key: text for key, text in catalog.items() if key} == expected


def test_nothing_new_is_missing(tmp_path: Path) -> None:
    """What the sources say today is what the .po has."""
    needed("xgettext", "gettext")
    for name in ("accounts", "chat", "config", "parley_serving", "realtime"):
        shutil.copytree(APP / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "locale").mkdir()
    command = [sys.executable, "-m", "django", "makemessages", "--locale", "es", "--no-location", "--no-wrap"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    said, ours = set(written(tmp_path / "locale/es/LC_MESSAGES/django.po")), set(written(SPANISH / "django.po"))
    assert said - ours == set()
    assert ours - said <= said_by_django(), "neither our sources nor Django say this"


def said_by_django() -> set[str]:
    """Return the messages of Django's own: those that say usted in Spanish have another translation here."""
    root, found = Path(django.__file__).parent, set[str]()
    for part in ("conf", "contrib/auth", "contrib/admin"):
        found |= set(written(root / part / "locale/es/LC_MESSAGES/django.po"))
    return found


def test_phrases_of_the_modules_exist() -> None:
    """A phrase that a module asks for is one that the page has."""
    modules = "".join(path.read_text() for path in (APP / "chat/static/chat").glob("*.js"))
    with translation.override("en"):
        known = phrases()
    asked = set(re.findall(r"phrase\(\"(\w+)\"", modules))
    assert len(asked) > 8
    assert asked <= set(known)
