"""The three ways in: logging in, signing up, and coming as a guest."""

from typing import Any, ClassVar

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import AuthenticationForm, UserCreationForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.credentials import Locked, login_succeeded, login_try
from accounts.models import GUEST_PREFIX, NAME_CHARACTERS, User
from accounts.names import LineField, validate_line


class LogInForm(AuthenticationForm):
    """Django's form, which also refuses people who are banned, and who tries too often."""

    def clean(self) -> dict[str, Any]:
        """Count the try before it is looked at, under the name that is looked up: the field's, not what was typed."""
        username = self.cleaned_data.get("username")
        if not username or not self.cleaned_data.get("password"):
            incomplete: dict[str, Any] = super().clean()  # nothing is looked at: nothing to count, and none to forget
            return incomplete
        address = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
        try:
            begun = login_try(username=username, address=address)
        except Locked as locked:
            minutes = locked.seconds // 60 + 1
            text = ngettext(
                "Too many tries. Wait %(minutes)d minute.", "Too many tries. Wait %(minutes)d minutes.", minutes
            )
            raise ValidationError(text, code="locked", params={"minutes": minutes}) from None
        cleaned: dict[str, Any] = super().clean()
        login_succeeded(begun)
        return cleaned

    def confirm_login_allowed(self, user: User) -> None:
        """Say no only after the right password, so that nobody learns who is banned."""
        super().confirm_login_allowed(user)
        if user.banned:
            raise ValidationError(_("This account is banned."), code="banned")


class AdminLogInForm(LogInForm, AdminAuthenticationForm):
    """The same for the admin's own page, where staff alone get in."""


class SignUpForm(UserCreationForm):  # type: ignore[type-arg]  # generic in the stubs alone
    """A username, a name for others to read, and a password."""

    name = LineField(label=_("Your name"), max_length=NAME_CHARACTERS, required=False, help_text=_("What others read."))

    class Meta:
        model = User
        fields: ClassVar = ["username", "name"]

    def clean_username(self) -> str:
        """Keep the guests' names apart from those one signs up with."""
        username: str = super().clean_username()  # or None, whatever the stubs say: taken, and noted as an error
        if username and username.lower().startswith(GUEST_PREFIX):
            raise ValidationError(_("Usernames may not begin with “guest-”."), code="reserved")
        if username:
            validate_line(username)  # Django's own rule takes letters that leave nothing to see
        return username


class GuestForm(forms.Form):
    """A name is all a guest gives."""

    name = LineField(label=_("Your name"), max_length=NAME_CHARACTERS)
