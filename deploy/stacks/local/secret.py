"""Django's key, made once: a new one would end every session."""

import secrets
from collections.abc import Callable, Mapping

from deploy.effects import files
from deploy.model.config import Config
from deploy.stacks import own_key
from deploy.stacks.local.application import Application
from deploy.stacks.local.layout import Layout
from deploy.stacks.secret_key import KEY_BYTES

Say = Callable[[str], object]


def ensure(layout: Layout) -> None:
    """Make the key unless it is there."""
    if not layout.secret_key.exists():
        files.write(layout.secret_key, secrets.token_urlsafe(KEY_BYTES))


def take(config: Config, layout: Layout, application: Application, env: Mapping[str, str], say: Say) -> None:
    """Have the key of the project's own settings in its place, if that is good; nobody was served with ours yet."""
    if not own_key.is_asked(config):
        return
    key = own_key.read([str(application.python)], env, application.folder)
    for line in own_key.said(key, config.folder) if key else ():
        say(line)
    if key and not own_key.why_not(key):
        files.write(layout.secret_key, key)


def read(layout: Layout) -> str:
    """Return the key that signs; empty before the first start."""
    return layout.secret_key.read_text(encoding="ascii").split("\n")[0].strip() if layout.secret_key.exists() else ""
