"""What people fill in about rooms."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.names import LineField
from chat import limits
from chat.models import Room

LARGEST_ID = 2**63 - 1  # what the database's key holds


class RoomForm(forms.Form):
    """A new room."""

    title = LineField(label=_("Title"), max_length=limits.TITLE_CHARACTERS)
    kind = forms.ChoiceField(
        label=_("Who may enter"),
        choices=[
            (Room.Kind.PUBLIC.value, _("everybody who signed up")),
            (Room.Kind.MEMBERS.value, _("members only")),
        ],
    )


class PersonForm(forms.Form):
    """Somebody who signed up, by username; `person` is who was found."""

    username = forms.CharField(
        label=_("Username"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocapitalize": "none", "autocomplete": "off"}),
    )
    person: User

    def clean_username(self) -> str:
        """Find the person."""
        username: str = self.cleaned_data["username"]
        self._find(username=username)
        return username

    def _find(self, **by: object) -> None:
        found = User.objects.filter(guest=False, banned=False, is_active=True, **by).first()
        if found is None:
            raise ValidationError(_("Nobody has signed up under this name."), code="nobody")
        self.person = found


class DirectForm(PersonForm):
    """Somebody who signed up, by id."""

    username = None  # type: ignore[assignment]  # how Django takes a field away
    user = forms.IntegerField(min_value=1, max_value=LARGEST_ID)

    def clean_user(self) -> int:
        """Find the person."""
        pk: int = self.cleaned_data["user"]
        self._find(pk=pk)
        return pk


class MemberForm(PersonForm):
    """Somebody to let into a room, or to take out of it."""

    action = forms.ChoiceField(choices=[("add", _("Let in")), ("remove", _("Take out"))])
