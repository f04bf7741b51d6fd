"""How many people one address may make: by signing up, by coming as a guest, and by logging out inside a socket.

Rows, and not a count in each process: the limit is the same however many instances there are, and after a restart.
"""

import ipaddress
import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Min, QuerySet
from django.utils import timezone

from accounts import limits
from accounts.models import Newcomer
from parley_serving import metrics
from parley_serving.addresses import network

log = logging.getLogger(__name__)


class TooManyPeople(Exception):  # noqa: N818 (an answer, not a fault)
    """This address made as many people as it may; `seconds` until it may make one more."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many new people, {seconds} s to wait")
        self.seconds = seconds


def newcomer_admit(*, address: str) -> None:
    """Count somebody new before they are made, so that a hundred at once are a hundred; raise TooManyPeople."""
    counted = network(address)
    if _is_unlimited(counted):
        return
    since = timezone.now() - timedelta(seconds=limits.PEOPLE_SECONDS)
    made = Newcomer.objects.filter(at__gt=since, address=counted)
    if made.count() >= limits.PEOPLE_PER_ADDRESS:
        raise _refused(made, since, counted)  # without a write: a flood of these must not hold the database up
    mine = Newcomer.objects.create(address=counted)
    if made.count() > limits.PEOPLE_PER_ADDRESS:
        mine.delete()  # who is refused does not prolong the wait
        raise _refused(made, since, counted)


def _refused(made: QuerySet[Newcomer], since: datetime, counted: str) -> TooManyPeople:
    metrics.turn_away("people")
    log.warning("nobody new is let in: address=%s made %d people", counted, limits.PEOPLE_PER_ADDRESS)
    first = made.aggregate(first=Min("at"))["first"] or timezone.now()
    return TooManyPeople(max(1, int((first - since).total_seconds())))


def _is_unlimited(counted: str) -> bool:
    """Say whether the operator's own machine comes from here."""
    try:
        found = ipaddress.ip_network(counted)
    except ValueError:
        return False
    return any(found.network_address in one and found.prefixlen >= one.prefixlen for one in settings.UNLIMITED)
