"""Rooms, who belongs to them, and the log: the truth that everything else is rebuilt from."""

import secrets
from typing import Any, ClassVar

from django.conf import settings
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import Revocation
from chat import limits


def new_epoch() -> str:
    """Make the random name of one history of a room; it changes when the history is replaced."""
    return secrets.token_hex(8)


class Room(models.Model):
    """A place to talk; `head` is the last seq given, 0 in an empty room."""

    class Kind(models.TextChoices):
        """Who may enter."""

        PUBLIC = "public", _("public")
        MEMBERS = "members", _("members only")
        DIRECT = "direct", _("direct")

    slug = models.SlugField(_("address"), max_length=limits.SLUG_CHARACTERS, unique=True)
    title = models.CharField(_("title"), max_length=limits.TITLE_CHARACTERS)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind, default=Kind.PUBLIC)
    guests = models.BooleanField(_("open to guests"), default=False)
    head = models.BigIntegerField(_("last number"), default=0, editable=False)
    epoch = models.CharField(_("history"), max_length=16, default=new_epoch, editable=False)
    members = models.ManyToManyField(
        settings.AUTH_USER_MODEL, through="Membership", related_name="rooms", verbose_name=_("members")
    )

    class Meta:
        verbose_name = _("room")
        verbose_name_plural = _("rooms")
        ordering: ClassVar = ["title"]

    def __str__(self) -> str:
        return self.title

    @transaction.atomic
    def save(self, *args: Any, **kwargs: Any) -> None:
        """Revoke in the same transaction what a change of who may enter ends; leave the log's columns to the log.

        Messages are stored between somebody's reading of a room and this: its old head would take theirs back.
        """
        if self._state.adding:
            super().save(*args, **kwargs)
            return
        stored = Room.objects.filter(pk=self.pk).values("kind", "guests").first()
        if not args and kwargs.get("update_fields") is None:
            kwargs["update_fields"] = ["slug", "title", "kind", "guests"]
        super().save(*args, **kwargs)
        if stored is not None and stored != {"kind": self.kind, "guests": self.guests}:
            Revocation.objects.create(reason=Revocation.Reason.RESTRICTED, room=self.pk)


class Membership(models.Model):
    """One person's right to be in one room that is not public."""

    room = models.ForeignKey(Room, models.CASCADE)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints: ClassVar = [models.UniqueConstraint(fields=["room", "user"], name="one_membership")]

    def __str__(self) -> str:
        return f"{self.user} · {self.room}"


class Pair(models.Model):
    """Two people and their one direct room; `first` has the smaller id. The room's address tells of neither."""

    first = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    second = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    room = models.OneToOneField(Room, models.CASCADE)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["first", "second"], name="one_room_of_two")]

    def __str__(self) -> str:
        return f"{self.first_id} {self.second_id}"


class Made(models.Model):
    """One thing that a person made and that is counted for a day, whether or not it is still there."""

    class What(models.TextChoices):
        """What was made; limits.py has how many of each."""

        ROOM = "room"
        MEMBER = "member"  # a membership, given to somebody else

    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    what = models.CharField(max_length=6, choices=What)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["by", "what", "at"])]

    def __str__(self) -> str:
        return f"{self.by_id} {self.what} {self.at}"


class Entry(models.Model):
    """One line of a room's log, never changed once written.

    `author` has no database constraint: an entry outlives its author, id and name stay as they were.
    """

    class Kind(models.TextChoices):
        """What the entry says."""

        TEXT = "text", _("text")
        EDIT = "edit", _("edit")
        DELETE = "delete", _("delete")
        NOTICE = "notice", _("notice")

    # No index of its own: those of both constraints begin with it, and each message pays for every index.
    room = models.ForeignKey(Room, models.CASCADE, related_name="entries", db_index=False)
    seq = models.BigIntegerField()
    kind = models.CharField(max_length=6, choices=Kind, default=Kind.TEXT)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.DO_NOTHING, db_constraint=False, related_name="+", db_index=False
    )
    author_name = models.CharField(max_length=40)
    guest = models.BooleanField(null=True)  # the author is one; None in what was written before this was kept
    key = models.CharField(max_length=limits.KEY_CHARACTERS)
    target = models.BigIntegerField(null=True)
    reply_to = models.BigIntegerField(null=True)
    text = models.TextField()
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("entry")
        verbose_name_plural = _("entries")
        ordering: ClassVar = ["room", "seq"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["room", "seq"], name="one_entry_per_seq"),
            models.UniqueConstraint(fields=["room", "author", "key"], name="one_entry_per_key"),
        ]

    def __str__(self) -> str:
        return f"{self.room_id}#{self.seq}"
