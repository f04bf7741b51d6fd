"""Releases to roll out: copies of this checkout, each changed in one place."""

import shutil
from pathlib import Path

from tests.checkout import ROOT

SHIPPED = (
    "app",
    "compose",
    "deploy",
    "docs/runbooks",
    "nginx",
    "prometheus",
    "requirements",
    "systemd",
    "Dockerfile",
    ".dockerignore",
    "docker-compose.prod.yml",
    "parley",
    "parley.toml",
    "pyproject.toml",
)
READY = (
    "app/parley_serving/readiness.py",
    "is_ready = all(",
    "is_ready = False and all(",
)
# Its style sheet has another name than that of the release before.
STYLE = ("app/chat/static/chat/page.css", ":root", "/* another */\n:root")
# A column that the release before does not know: it serves beside it, and again after the rollback.
NEWEST = max(path.stem for path in (ROOT / "app/chat/migrations").glob("0*.py"))
COLUMN = f"""
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("chat", "{NEWEST}")]
    operations = [migrations.AddField("room", "rolled", models.TextField(null=True))]
"""
MIGRATION = ("app/chat/migrations/9999_rolled.py", "", COLUMN)
# A statement that nobody can judge: the release before may not live with what it does.
STATEMENT = COLUMN.replace(
    'migrations.AddField("room", "rolled", models.TextField(null=True))', 'migrations.RunSQL("SELECT 1")'
)
UNKNOWN = ("app/chat/migrations/9999_unknown.py", "", STATEMENT)
# Every bit as good as the release before.
BETTER = (STYLE, MIGRATION)
REFUSE = 'raise WrongFrameError("unavailable", "no messages today", ref=frame.ref)'
# Each breaks at another step; what it is called is the proof's name.
BROKEN = {
    "does not import": (
        ("app/config/asgi.py", "from chat.runtime import runtime", "from chat.nowhere import runtime"),
    ),
    "is never ready": (READY,),
    "breaks nginx's config": (("nginx/nginx.conf.j2", "events {", "no_such_directive on;\nevents {"),),
    "takes no messages": (("app/chat/consumers.py", "feed = self.feed(frame, frame.room, key=frame.key)", REFUSE),),
}
# What the operator reads of each.
SAYS = {
    "does not import": "No module named 'chat.nowhere'",
    "is never ready": "was not ready within 10 s",
    "breaks nginx's config": 'unknown directive "no_such_directive"',
    "takes no messages": "no message comes through",
}


def release(target: Path, *changes: tuple[str, str, str]) -> Path:
    """Copy the checkout to a folder, changed."""
    for name in SHIPPED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif (ROOT / name).exists():
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)
    change(target, *changes)
    return target


def change(checkout: Path, *changes: tuple[str, str, str]) -> None:
    """Replace (path, old text, new text) once each; a text that is not there fails. Without one it is a new file."""
    for path, old, new in changes:
        text = (checkout / path).read_text() if old else ""
        assert old in text, f"{path} has no {old!r}"
        (checkout / path).write_text(text.replace(old, new, 1))
