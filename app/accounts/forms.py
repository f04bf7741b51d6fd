"""The three ways in: logging in, signing up, and coming as a guest."""

from typing import Any, ClassVar

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, UserCreationForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.credentials import Locked, login_succeeded, login_try
from accounts.models import GUEST_PREFIX, NAME_CHARACTERS, User
from accounts.names import LineField, validate_line
from accounts.newness import browser_people


def _locked_error(locked: Locked) -> ValidationError:
    """Say how long to wait."""
    minutes = locked.seconds // 60 + 1
    text = ngettext("Too many tries. Wait %(minutes)d minute.", "Too many tries. Wait %(minutes)d minutes.", minutes)
    return ValidationError(text, code="locked", params={"minutes": minutes})


class LogInForm(AuthenticationForm):
    """Django's form, which also refuses who tries too often, and says when somebody is banned."""

    def clean(self) -> dict[str, Any]:
        """Count the try before it is looked at, under the name that is looked up: the field's, not what was typed."""
        username = self.cleaned_data.get("username")
        if not username or not self.cleaned_data.get("password"):
            incomplete: dict[str, Any] = super().clean()  # nothing is looked at: nothing to count, and none to forget
            return incomplete
        address = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
        browser = browser_people(self.request) if self.request else ()
        try:
            begun = login_try(username=username, address=address, browser=browser)
        except Locked as locked:
            raise _locked_error(locked) from None
        cleaned: dict[str, Any] = super().clean()
        login_succeeded(begun)
        return cleaned

    def get_invalid_login_error(self) -> ValidationError:
        """Tell of a ban after the right password alone, so that nobody learns who is banned."""
        if getattr(self.request, "is_banned", False):
            return ValidationError(_("This account is banned."), code="banned")
        return super().get_invalid_login_error()


class AdminLogInForm(LogInForm, AdminAuthenticationForm):
    """The same for the admin's own page, where staff alone get in."""


class OwnPasswordForm(PasswordChangeForm):
    """Django's form, which counts guesses of the old password as it does tries to log in."""

    def __init__(self, *args: Any, address: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.address = address

    def clean_old_password(self) -> str:
        """Count the guess before it is looked at: who finds an open browser learns no password from it."""
        try:
            begun = login_try(username=self.user.get_username(), address=self.address)
        except Locked as locked:
            raise _locked_error(locked) from None
        old: str = super().clean_old_password()
        login_succeeded(begun)
        return old


class SignUpForm(UserCreationForm):  # type: ignore[type-arg]  # generic in the stubs alone
    """A username, a name for others to read, and a password."""

    name = LineField(label=_("Your name"), max_length=NAME_CHARACTERS, required=False, help_text=_("What others read."))

    class Meta(UserCreationForm.Meta):  # with its kind of field, which normalises before the length is checked
        model = User
        fields: ClassVar = ("username", "name")

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

    name = LineField(
        label=_("Your name"), max_length=NAME_CHARACTERS, widget=forms.TextInput(attrs={"autofocus": True})
    )
