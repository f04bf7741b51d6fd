"""Hashed names cover the imports between modules."""

import re
import shutil
from pathlib import Path

from django.core.management import call_command
from pytest_django import Settings

from config.static import HashedStorage
from tests.checkout import ROOT

SOURCE = ROOT / "app/chat/static"


def collected(target: Path) -> dict[str, str]:
    """Collect into a fresh directory and return the hashed name of every file."""
    call_command("collectstatic", interactive=False, verbosity=0)
    storage = HashedStorage(location=str(target))
    return {name: storage.stored_name(name) for name in ("chat/page.js", "chat/backoff.js", "chat/connection.js")}


def test_a_changed_module_changes_those_that_import_it(tmp_path: Path, settings: Settings) -> None:
    """`page.js` imports `connection.js` imports `backoff.js`: a change at the end is a new name all the way up."""
    sources, target = tmp_path / "sources", tmp_path / "target"
    shutil.copytree(SOURCE, sources)
    settings.STATICFILES_DIRS = [sources]
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STATIC_ROOT = target
    settings.STORAGES = settings.STORAGES | {"staticfiles": {"BACKEND": "config.static.HashedStorage"}}
    before = collected(target)
    with (sources / "chat/backoff.js").open("a") as module:
        module.write("// changed\n")
    after = collected(target)
    assert all(before[name] != after[name] for name in before)
    # Old pages still load the old files in a roll (pitfalls A11).
    assert all((target / name).exists() for name in before.values())
    text = (target / after["chat/page.js"]).read_text()
    imports = re.findall(r"from \"\./([^\"]+)\"", text)
    assert imports
    assert all(re.search(r"\.[0-9a-f]{12}\.js$", name) and (target / "chat" / name).exists() for name in imports)
