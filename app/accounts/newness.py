"""Somebody banned does not simply come as somebody new: by what their browser keeps, and for guests by the address.

What this cannot tell is in docs/security.md: another browser, or another network, is somebody new.
"""

import ipaddress
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, cast

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts import limits
from accounts.models import LastAddress, Revocation, User
from parley_serving import metrics
from parley_serving.addresses import network

if TYPE_CHECKING:
    from accounts.requests import EnteredRequest

log = logging.getLogger(__name__)

BANNED = "banned"  # the code of protocol.md
SALT = "accounts.newness"


class BannedBefore(Exception):  # noqa: N818 (an answer, not a fault)
    """Somebody of this browser, or of this address, is banned; the text is for them to read."""


def _cookie_name() -> str:
    return f"{settings.SESSION_COOKIE_NAME}_people"  # two sites on one host name differ in it


def browser_people(request: HttpRequest) -> list[int]:
    """Return who came in with this browser, the last one first; nobody where the cookie is not one of ours."""
    try:
        people = signing.loads(request.COOKIES.get(_cookie_name(), ""), salt=SALT, max_age=limits.BROWSER_SECONDS)
    except signing.BadSignature:
        return []
    return [person for person in people if isinstance(person, int)] if isinstance(people, list) else []


def browser_remember(request: HttpRequest, response: HttpResponse) -> None:
    """Let the browser keep who came in with this request, beside those who did before."""
    person = cast("EnteredRequest", request).entered
    before = browser_people(request)
    response.set_cookie(
        _cookie_name(),
        signing.dumps([person, *(one for one in before if one != person)][: limits.BROWSER_PEOPLE], salt=SALT),
        max_age=limits.BROWSER_SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def browser_ask(request: HttpRequest) -> None:
    """Ask before somebody is made; raise BannedBefore where one of this browser's people is banned."""
    if people := browser_people(request):
        banned = User.objects.filter(pk__in=people, banned=True).values_list("pk", flat=True).first()
        if banned is not None:
            metrics.refuse(BANNED)
            log.warning("nobody new is let in from the browser of person %s, who is banned", banned)
            raise BannedBefore("browser")


def address_note(*, person: int, address: str) -> None:
    """Note from where somebody came in."""
    if address:
        LastAddress.objects.update_or_create(user_id=person, defaults={"address": network(address)})


def address_ask(address: str) -> None:
    """Ask before a guest is made; raise BannedBefore for an hour after somebody of this address was banned."""
    counted = network(address)
    if not counted or _is_this_machine(counted):
        return
    since = timezone.now() - timedelta(seconds=limits.BANNED_ADDRESS_SECONDS)
    bans = Revocation.objects.filter(reason=Revocation.Reason.BANNED, at__gt=since).values("user")
    found = LastAddress.objects.filter(address=counted, user__in=bans, user__banned=True)
    banned = found.values_list("user", flat=True).first()
    if banned is not None:
        metrics.refuse(BANNED)
        log.warning("no new guest is let in: address=%s is that of person %s, who is banned", counted, banned)
        raise BannedBefore("address")


def _is_this_machine(counted: str) -> bool:
    try:
        return ipaddress.ip_network(counted).is_loopback
    except ValueError:
        return False
