"""Django's key, made once: a new one would end every session."""

import secrets

from deploy import files
from deploy.stacks.local.layout import Layout

KEY_BYTES = 48  # 64 characters; app/config/env.py asks for 50 at least


def ensure(layout: Layout) -> None:
    """Make the key unless it is there."""
    if not layout.secret_key.exists():
        files.write(layout.secret_key, secrets.token_urlsafe(KEY_BYTES))
