"""People: those who signed up, and guests."""

import secrets
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.contrib.auth.models import UserManager as DjangoUserManager
from django.db import models
from django.utils.translation import gettext_lazy as _

NAME_CHARACTERS = 40  # fits one line of the page beside a time
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

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Give a person without a name the one they log in with."""
        self.name = self.name or self.username[:NAME_CHARACTERS]
        super().save(*args, **kwargs)
