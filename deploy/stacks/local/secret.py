"""Django's key, made once: a new one would end every session."""

import secrets

from deploy.effects import files
from deploy.stacks.local.layout import Layout
from deploy.stacks.secret_key import KEY_BYTES


def ensure(layout: Layout) -> None:
    """Make the key unless it is there."""
    if not layout.secret_key.exists():
        files.write(layout.secret_key, secrets.token_urlsafe(KEY_BYTES))


def read(layout: Layout) -> str:
    """Return the key that signs; empty before the first start."""
    return layout.secret_key.read_text(encoding="ascii").split("\n")[0].strip() if layout.secret_key.exists() else ""
