"""People: those who signed up, and guests."""

import secrets
from collections.abc import Collection
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser
from django.contrib.auth.models import UserManager as DjangoUserManager
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

NAME_CHARACTERS = 40  # fits one line of the page beside a time
# Of rows that end nothing: a process of a release that does not know their reason finds no socket to end. No session
# has such a key.
NOBODYS_SESSION = "-"
GUEST_PREFIX = "guest-"  # nobody signs up with such a username


class UserManager(DjangoUserManager["User"]):
    """Django's manager, which also makes guests."""

    def create_guest(self, *, name: str, **fields: Any) -> "User":
        """Store a guest: a person with a name and no way to log in again."""
        guest = self.model(username=f"{GUEST_PREFIX}{secrets.token_hex(8)}", name=name, guest=True, **fields)
        guest.set_unusable_password()
        guest.save(using=self._db)
        return guest


class User(AbstractUser):
    """Somebody who writes: `name` is what others read, `username` is what one logs in with."""

    name = models.CharField(_("name"), max_length=NAME_CHARACTERS)
    guest = models.BooleanField(_("guest"), default=False)
    banned = models.BooleanField(_("banned"), default=False)

    objects = UserManager()  # type: ignore[misc]  # narrows AbstractUser's manager to ours

    class Meta(AbstractUser.Meta):
        verbose_name = _("person")  # type: ignore[assignment]  # the stubs say str, Django takes a promise
        verbose_name_plural = _("people")  # type: ignore[assignment]

    def __str__(self) -> str:
        return self.name or self.username

    @transaction.atomic
    def save(self, *args: Any, **kwargs: Any) -> None:
        """Give a person without a name the one they log in with; revoke in the same transaction what ends here."""
        self.name = self.name or self.username[:NAME_CHARACTERS]
        reasons = self._changes(kwargs.get("update_fields")) if self.pk and not self._state.adding else []
        super().save(*args, **kwargs)
        for reason in reasons:
            session = NOBODYS_SESSION if reason == Revocation.Reason.RENAMED else ""
            Revocation.objects.create(reason=reason, user=self.pk, session=session)

    def _changes(self, update_fields: Collection[str] | None) -> list["Revocation.Reason"]:
        """Compare with what is stored: a ban, a deactivation, a new password, another name."""
        stored = User.objects.filter(pk=self.pk).values("is_active", "banned", "name").first()
        if stored is None:
            return []
        changed = {
            Revocation.Reason.BANNED: self.banned and not stored["banned"],
            Revocation.Reason.DEACTIVATED: stored["is_active"] and not self.is_active,
            # Set by set_password until saved; an upgrade of the hash alone clears it first.
            Revocation.Reason.PASSWORD: getattr(self, "_password", None) is not None,
            Revocation.Reason.RENAMED: self.name != stored["name"]
            and (update_fields is None or "name" in update_fields),
        }
        return [reason for reason, has in changed.items() if has]


class Revocation(models.Model):
    """Somebody's right to go on ended; every process reads these and lets the sockets concerned go.

    Or somebody was renamed: the sockets stay, and take the new name.
    Rows, and not messages, so that they hold without Redis, and from the admin or a shell as from a page.
    """

    class Reason(models.TextChoices):
        """Why; what a socket is told follows from it."""

        LOGGED_OUT = "logged_out"
        PASSWORD = "password"  # noqa: S105 (a reason, not a password)
        DEACTIVATED = "deactivated"
        BANNED = "banned"
        REMOVED = "removed"  # from `room`
        CLOSED = "closed"  # `room` is gone
        RENAMED = "renamed"  # `user` has another name
        RESTRICTED = "restricted"  # `room` is open to others than before: who is in it is asked again

    reason = models.CharField(max_length=11, choices=Reason)
    user = models.BigIntegerField(null=True)  # None: anybody. No foreign keys: a row outlives what it names
    session = models.CharField(max_length=40, blank=True)  # "": any
    room = models.BigIntegerField(null=True)  # None: the whole socket
    at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        verbose_name = _("revocation")
        verbose_name_plural = _("revocations")

    def __str__(self) -> str:
        return f"{self.reason} {self.user or self.session or self.room}"


class Ticket(models.Model):
    """Stands for a session that was opened inside a socket, until the page fetches its cookie: once, and soon."""

    digest = models.CharField(max_length=64, primary_key=True)  # of the ticket: who reads the table has no ticket
    session = models.CharField(max_length=40)
    expires = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = _("ticket")
        verbose_name_plural = _("tickets")

    def __str__(self) -> str:
        return self.digest[:8]


class LoginTry(models.Model):
    """One try to log in that was not a success (yet)."""

    username = models.CharField(max_length=150)
    address = models.CharField(max_length=45)
    at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        verbose_name = _("try to log in")
        verbose_name_plural = _("tries to log in")
        indexes: ClassVar = [models.Index(fields=["username", "at"]), models.Index(fields=["address", "at"])]

    def __str__(self) -> str:
        return f"{self.username} {self.address}"
