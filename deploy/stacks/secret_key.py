"""Django's secret key, rotated in its file: the first line signs, what the others signed is believed.

Instances read it when they start, and are replaced one after the other: so that none meets what it does not believe,
the new key is believed by all of them before it signs, and the old one after that for as long as a session lives.
"""

import hashlib
import os
import secrets
from pathlib import Path
from typing import Literal

from deploy.effects import files
from deploy.errors import BadInputError

KEY_BYTES = 48  # 64 characters; app/parley_serving/environment.py asks for 50 at least
Act = Literal["show", "add", "turn", "drop"]


def act(path: Path, what: Act) -> list[str]:
    """Do it to the file and say which keys there are now, none of them readable; raises BadInputError out of turn."""
    try:
        keys = path.read_text(encoding="ascii").split()
    except UnicodeDecodeError:
        raise BadInputError(f"{path} is no file of keys") from None
    if what != "show":
        keys = after(keys, what, secrets.token_urlsafe(KEY_BYTES))
        _write(path, keys)
    return [f"{name(key)} {'is accepted' if number else 'signs'}" for number, key in enumerate(keys)]


def after(keys: list[str], what: Act, new: str) -> list[str]:
    """Return the keys after it. Pure."""
    if what == "add":
        if len(keys) > 1:
            raise BadInputError(
                "there is a second key already: `./parley secret-key turn` signs with it, `drop` removes it"
            )
        return [*keys, new]
    if len(keys) < 2:
        raise BadInputError("there is no second key: `./parley secret-key add` makes one")
    return [keys[-1], *keys[:-1]] if what == "turn" else keys[:1]


def name(key: str) -> str:
    """Name a key by what tells nothing of it."""
    return hashlib.sha256(key.encode()).hexdigest()[:8]


def _write(path: Path, keys: list[str]) -> None:
    was = path.stat()
    files.write(path, "".join(f"{key}\n" for key in keys), was.st_mode & 0o777)
    if os.geteuid() == 0:
        os.chown(path, was.st_uid, was.st_gid)
