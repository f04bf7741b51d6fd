"""Releases to roll out: copies of this checkout, each changed in one place."""

import shutil
from pathlib import Path

from deploy.config import ROOT

SHIPPED = (
    "app",
    "compose",
    "deploy",
    "nginx",
    "requirements",
    "systemd",
    "Dockerfile",
    ".dockerignore",
    "docker-compose.prod.yml",
    "parley",
    "parley.toml",
    "pyproject.toml",
)
READY = ("app/health/readiness.py", "return database == migrations == ", "return False and database == migrations == ")
# A new sentence in a page: another release by its id, and every bit as good.
BETTER = ("app/chat/limits.py", '"""', '"""Rolled out by a test. ')
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


def release(target: Path, *changes: tuple[str, str, str]) -> Path:
    """Copy the checkout to a folder, with (path, old text, new text) replaced once; a text that is not there fails."""
    for name in SHIPPED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif (ROOT / name).exists():
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)
    for path, old, new in changes:
        text = (target / path).read_text()
        assert old in text, f"{path} has no {old!r}"
        (target / path).write_text(text.replace(old, new, 1))
    return target
