"""People: those who signed up, and guests."""

import secrets
from collections.abc import Collection, Iterator
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
    # A guest opened a socket. In the database True is the default: of those that a release made which did not note it.
    arrived = models.BooleanField(_("arrived"), default=False, db_default=True, editable=False)
    # A session from before the last time holds no more, not even when its person may come in again.
    times_shut_out = models.PositiveIntegerField(default=0, db_default=0, editable=False)

    objects = UserManager()  # type: ignore[misc]  # narrows AbstractUser's manager to ours

    class Meta(AbstractUser.Meta):
        verbose_name = _("person")  # type: ignore[assignment]  # the stubs say str, Django takes a promise
        verbose_name_plural = _("people")  # type: ignore[assignment]  # the same
        permissions: ClassVar = [("ban_user", _("Can ban people, and let them in again"))]

    def __str__(self) -> str:
        return self.name or self.username

    def get_session_auth_hash(self) -> str:
        """Return what a session is opened under: the password of now, since the last ban."""
        return self._since_shut_out(super().get_session_auth_hash())

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        """Return the same under each secret key of before."""
        yield from map(self._since_shut_out, super().get_session_auth_fallback_hash())

    def _since_shut_out(self, opened: str) -> str:
        return f"{opened}.{self.times_shut_out}" if self.times_shut_out else opened

    @transaction.atomic
    def save(self, *args: Any, **kwargs: Any) -> None:
        """Give a person without a name the one they log in with; revoke in the same transaction what ends here."""
        self.name = self.name or self.username[:NAME_CHARACTERS]
        reasons = self._changes(kwargs.get("update_fields")) if self.pk and not self._state.adding else []
        if {Revocation.Reason.BANNED, Revocation.Reason.DEACTIVATED}.intersection(reasons):
            self._end_sessions(kwargs)
        super().save(*args, **kwargs)
        for reason in reasons:
            session = NOBODYS_SESSION if reason == Revocation.Reason.RENAMED else ""
            Revocation.objects.create(reason=reason, user=self.pk, session=session)

    def _end_sessions(self, kwargs: dict[str, Any]) -> None:
        """Let no session of theirs hold any more: each was opened under another hash."""
        self.times_shut_out += 1
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = {*kwargs["update_fields"], "times_shut_out"}

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


class Newcomer(models.Model):
    """Somebody who was made from an address: signed up, or let in as a guest."""

    address = models.CharField(max_length=45)
    at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        verbose_name = _("newcomer")
        verbose_name_plural = _("newcomers")
        indexes: ClassVar = [models.Index(fields=["address", "at"], name="newcomer_address_at")]

    def __str__(self) -> str:
        return self.address


class KnownAddress(models.Model):
    """An address from which somebody logged in: what others try elsewhere does not lock them out there."""

    username = models.CharField(max_length=150)  # as LoginTry has it
    address = models.CharField(max_length=45)
    at = models.DateTimeField(db_index=True)  # the last time

    class Meta:
        verbose_name = _("known address")
        verbose_name_plural = _("known addresses")
        constraints: ClassVar = [models.UniqueConstraint(fields=["username", "address"], name="known_address_once")]

    def __str__(self) -> str:
        return f"{self.username} {self.address}"


class LastAddress(models.Model):
    """From where somebody came in last; the address is an IPv6 one's /64. Kept for as long as a session lasts."""

    user = models.OneToOneField(User, models.CASCADE, primary_key=True)
    address = models.CharField(max_length=45, db_index=True)
    at = models.DateTimeField(auto_now=True, db_index=True)

    class Meta:
        verbose_name = _("last address")
        verbose_name_plural = _("last addresses")

    def __str__(self) -> str:
        return f"{self.user_id} {self.address}"
