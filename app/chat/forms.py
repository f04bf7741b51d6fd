"""What people fill in about rooms."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models import NAME_CHARACTERS, User
from accounts.names import LineField
from chat import limits
from chat.models import Room

LONGEST_USER = 18 + 1 + NAME_CHARACTERS  # the digits that a key of the database holds for certain, and a name


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


class FindForm(forms.Form):
    """Which of the rooms that are not one's own a page lists."""

    q = forms.CharField(label=_("Find a room"), max_length=limits.TITLE_CHARACTERS, required=False)
    page = forms.IntegerField(min_value=1, max_value=limits.PAGES, required=False, widget=forms.HiddenInput)


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

    def _people(self) -> QuerySet[User]:
        """Select who can be found."""
        return User.objects.filter(guest=False, banned=False, is_active=True)

    def _find(self, **by: object) -> None:
        found = self._people().filter(**by).first()
        if found is None:
            raise ValidationError(_("Nobody has signed up under this name."), code="nobody")
        self.person = found


class DirectForm(PersonForm):
    """Somebody who signed up, by id and by the name that goes with it: ids alone, tried in turn, tell no names."""

    username = None  # type: ignore[assignment]  # how Django takes a field away
    user = forms.RegexField(r"^[1-9][0-9]{0,17} .+$", max_length=LONGEST_USER)

    def clean_user(self) -> str:
        """Find the person."""
        user: str = self.cleaned_data["user"]
        pk, _, name = user.partition(" ")
        self._find(pk=int(pk), name=name)
        return user


class MemberForm(PersonForm):
    """Somebody to let into a room, or to take out of it."""

    action = forms.ChoiceField(choices=[("add", _("Let in")), ("remove", _("Take out"))])

    def __init__(self, *args: Any, room: Room, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.room = room

    def _people(self) -> QuerySet[User]:
        """Look among the members for somebody to take out: whatever became of them, they are to be found."""
        if self.data.get("action") == "remove":
            return User.objects.filter(membership__room=self.room)
        return super()._people()
