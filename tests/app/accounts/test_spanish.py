"""Spanish says tú on every way in, also where the words are Django's own."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django import forms
from django.contrib.auth.forms import AdminPasswordChangeForm, AdminUserCreationForm, PasswordChangeForm
from django.contrib.auth.password_validation import get_default_password_validators
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import translation

from accounts import limits
from accounts.forms import AdminLogInForm, GuestForm, LogInForm, OwnPasswordForm, SignUpForm
from accounts.models import LoginTry, User
from chat.forms import DirectForm, MemberForm, PersonForm, RoomForm
from chat.models import Room

pytestmark = pytest.mark.django_db
PASSWORD = "a long enough one"
USTED = re.compile(
    r"\b(?:sus?|usted|ingrese|introduzca|introduza|escriba|escoja|elija|seleccione|asegúrese|compruebe|observe|corrija"
    r"|vuelva|marque|desmarque|envíe|espere|inténtelo|confirme|especifique|utilice|empiece|haga|desea)\b"
    r"|por favor,? \w+[ae]\b",
    re.IGNORECASE,
)
LONG = "x" * 151
SIGN_UPS = {  # what is wrong → fields, and a word of the error
    "empty": ({}, "obligatorio"),
    "taken": ({"username": "ada"}, "Ya existe"),
    "characters": ({"username": "a b!"}, "Escribe un nombre de usuario válido"),
    "long": ({"username": LONG, "name": LONG}, "como máximo 150 caracteres"),
    "reserved": ({"username": "guest-1"}, "«guest-»"),
    "invisible": ({"username": "\u3164", "name": "\u200b"}, "que se pueda ver"),
    "control": ({"username": "eva", "name": "a\x01b"}, "control"),
    "null": ({"username": "e\x00va"}, "nulos"),
    "short": ({"password1": "q7", "password2": "q7"}, "al menos 8 caracteres"),
    "common": ({"password1": "password", "password2": "password"}, "demasiado común"),
    "numeric": ({"password1": "8394857120", "password2": "8394857120"}, "numérica"),
    "similar": ({"username": "evangelina", "password1": "evangelina1", "password2": "evangelina1"}, "se parece"),
    "mismatch": ({"password1": PASSWORD, "password2": PASSWORD + "x"}, "no coinciden"),
}


def informal(text: str) -> None:
    """Fail with the words around one that says usted."""
    found = [text[max(0, one.start() - 60) : one.end() + 60] for one in USTED.finditer(text)]
    assert not found, found


def shown(client: Client, path: str, fields: dict[str, Any] | None = None, *, status: int = 200) -> str:
    """Return what a Spanish browser shows of an answer, without its markup."""
    headers = {"accept-language": "es"}
    answer = client.get(path, headers=headers) if fields is None else client.post(path, fields, headers=headers)
    assert answer.status_code == status
    return re.sub(r"<[^>]*>", " ", re.sub(r"(?s)<(script|style).*?</\1>", "", answer.content.decode()))


@pytest.fixture
def ada() -> User:
    """Somebody who signed up, and may not enter the admin."""
    return User.objects.create_user("ada", password=PASSWORD, name="Ada")


@pytest.mark.parametrize("wrong", SIGN_UPS)
def test_signing_up(client: Client, ada: User, wrong: str) -> None:
    """With each error that there is, and with the help texts, which are always there."""
    fields, word = SIGN_UPS[wrong]
    text = shown(client, "/accounts/signup/", fields, status=400)
    assert word in text
    assert "Tu contraseña no puede" in text
    informal(text)


@pytest.mark.parametrize("path", ["/accounts/login/", "/admin/login/"])
@pytest.mark.parametrize("wrong", ["nothing", "empty", "password", "banned", "inactive", "locked"])
def test_logging_in(client: Client, ada: User, path: str, wrong: str) -> None:
    """To the chat and to the admin."""
    fields = {"username": "ada", "password": PASSWORD}
    match wrong:
        case "nothing":
            informal(shown(client, path))
            return
        case "empty":
            fields = {}
        case "password":
            fields["password"] += "x"
        case "banned":
            User.objects.update(banned=True, is_staff=True)
        case "inactive":
            User.objects.update(is_active=False)
        case "locked":
            for _ in range(limits.TRIES_PER_PERSON):
                LoginTry.objects.create(username="ada", address="127.0.0.1")
    text = shown(client, path, fields, status=200 if path.startswith("/admin") else 400)
    words = {"empty": "obligatorio", "banned": "bloqueada", "locked": "Demasiados intentos. Espera"}
    assert words.get(wrong, "contraseña correct") in text
    informal(text)


def test_the_admin_s_door_for_others(client: Client, ada: User) -> None:
    """Who is logged in and not of the staff."""
    client.force_login(ada)
    text = shown(client, "/admin/login/?next=/admin/")
    assert "Has iniciado sesión como ada" in text
    informal(text)
    informal(shown(client, "/admin/login/", {"username": "ada", "password": PASSWORD}))


def said(form: forms.BaseForm) -> Iterator[object]:
    """All that a form can say: of itself, of each field, and of each validator."""
    yield from getattr(form, "error_messages", {}).values()
    for field in form.fields.values():
        yield from (field.label, field.help_text, *field.error_messages.values())
        for validator in field.validators:
            yield getattr(validator, "message", "")


def test_whatever_else_a_form_can_say(ada: User) -> None:
    """Every message of every form, whether or not a test knows how to bring it about."""
    with translation.override("es"):
        made: list[forms.BaseForm] = [form() for form in (SignUpForm, GuestForm, RoomForm, PersonForm, DirectForm)]
        made += [MemberForm(room=Room()), LogInForm(), AdminLogInForm(), AdminUserCreationForm()]
        made += [PasswordChangeForm(ada), OwnPasswordForm(ada), AdminPasswordChangeForm(ada)]
        texts = [str(text) for form in made for text in said(form)]
        for validator in get_default_password_validators():
            texts.append(str(validator.get_help_text()))
            for password in ("", "password", "12345678", "ada-ada"):
                try:
                    validator.validate(password, ada)
                except ValidationError as refused:
                    texts += refused.messages
        texts += [str(getattr(each, "message", "")) for each in User._meta.get_field("username").validators]
    assert len(texts) > 100
    for text in texts:
        informal(text)
