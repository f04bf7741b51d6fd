"""Rights that end with a row, wherever it is deleted from: a page, the admin, a shell."""

from typing import Any

from django.db.models.signals import post_delete
from django.dispatch import receiver

from accounts.models import Revocation, User
from chat.models import Membership, Room


@receiver(post_delete, sender=User)
def person_ended(instance: User, **_: Any) -> None:
    """Close the sockets of a person who is gone."""
    Revocation.objects.create(reason=Revocation.Reason.DEACTIVATED, user=instance.pk)


@receiver(post_delete, sender=Membership)
def membership_ended(instance: Membership, origin: Any = None, **_: Any) -> None:
    """Take a person out of the room in every process; where it is the room that is deleted, `room_ended` does."""
    if isinstance(origin, Room) or getattr(origin, "model", None) is Room:
        return
    Revocation.objects.create(reason=Revocation.Reason.REMOVED, user=instance.user_id, room=instance.room_id)


@receiver(post_delete, sender=Room)
def room_ended(instance: Room, **_: Any) -> None:
    """Take everybody out of a room that is gone."""
    Revocation.objects.create(reason=Revocation.Reason.CLOSED, room=instance.pk)
