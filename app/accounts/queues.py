"""What people wait in on their way in: one queue for all passwords that a process hashes, and one for guests.

A hash takes a third of a second of a processor, whoever asks for it: a page, the admin, or a socket. Whoever is known
goes before who signs up. A guest costs no hash, but some writes; one after the other, they leave SQLite's one lock to
others.
"""

from typing import Any

from django.urls import Resolver404, resolve

from accounts import limits
from parley_serving.turns import Bound, Turns

LOG_INS = "log-ins"
SIGN_UPS = "sign-ups"
GUESTS = "guests"

hashes = Turns(
    at_once=limits.HASHES_AT_ONCE,
    lines={
        LOG_INS: Bound(limits.LOG_INS_WAITING, limits.LOG_INS_WAITING_PER_ADDRESS, limits.HASHES_AGAIN_SECONDS),
        SIGN_UPS: Bound(limits.SIGN_UPS_WAITING, limits.SIGN_UPS_WAITING_PER_ADDRESS, limits.HASHES_AGAIN_SECONDS),
    },
    in_a_row=limits.LOG_INS_IN_A_ROW,
)
guests = Turns(
    at_once=1,
    share=limits.GUESTS_SHARE,
    lines={GUESTS: Bound(limits.GUESTS_WAITING, limits.GUESTS_WAITING_PER_ADDRESS, limits.GUESTS_AGAIN_SECONDS)},
)


# By the name of the address; tests/app/accounts/test_queues.py walks the URL conf for one that hashes and is not here.
QUEUES: dict[str, tuple[Turns, str]] = {
    "accounts:login": (hashes, LOG_INS),
    "admin:login": (hashes, LOG_INS),
    "accounts:password": (hashes, LOG_INS),
    "admin:auth_user_password_change": (hashes, LOG_INS),  # Django's name, whatever the people's model is
    "admin:accounts_user_add": (hashes, LOG_INS),
    "accounts:signup": (hashes, SIGN_UPS),
    "accounts:guest": (guests, GUESTS),
}


def queue_of(scope: Any) -> tuple[Turns, str] | None:
    """Return what a request for a page waits in, if it hashes a password or makes a guest."""
    if scope["method"] != "POST":
        return None
    try:
        return QUEUES.get(resolve(scope["path"]).view_name)
    except Resolver404:
        return None
