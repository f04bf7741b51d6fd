"""Marks: what a client shows for having read a room's log up to a seq. Only this site can make one.

Whoever has read beyond the log's end proves that the log was replaced, and everybody of the room starts again. A bare
number proves nothing: any guest knows the epoch. The seq is inside the mark, so a client may keep the newest mark that
it got, whatever its own position is.
"""

import hashlib
import hmac
from functools import lru_cache

from django.conf import settings

from chat.limits import MARK_BYTES

SALT = b"chat.log.marks"  # no other signature made with SECRET_KEY is a mark


def mark(room: int, epoch: str, seq: int) -> str:
    """Make the mark of somebody who was given everything of this history up to `seq`."""
    return _signed(settings.SECRET_KEY, room, epoch, seq)


def seq_of(shown: str | None, room: int, epoch: str) -> int:
    """Return how far into this history a mark proves that somebody has read; 0 for what is none of our marks."""
    number = (shown or "").partition(".")[0]
    if not (number.isascii() and number.isdigit()):
        return 0
    for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):  # one given before the key was changed is good
        if hmac.compare_digest(_signed(key, room, epoch, int(number)).encode(), str(shown).encode()):
            return int(number)
    return 0


def _signed(secret: str, room: int, epoch: str, seq: int) -> str:
    # Keyed BLAKE2 (RFC 7693): OpenSSL's HMAC looks its hash up at each call, and each delivered frame pays for it.
    signature = hashlib.blake2b(f"{room}.{epoch}.{seq}".encode(), digest_size=MARK_BYTES, key=_key(secret))
    return f"{seq}.{signature.hexdigest()}"


@lru_cache(maxsize=8)  # the keys of a rotation, and those of tests: each frame of entries has a mark
def _key(secret: str) -> bytes:
    return hashlib.blake2b(SALT, key=hashlib.sha512(secret.encode()).digest()).digest()
