"""Who is behind session keys: the same people that Channels' own get_user finds."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from channels.auth import get_user
from django.contrib.auth.models import AnonymousUser
from django.test import override_settings
from django.utils import timezone

from accounts.authentication import people_of
from accounts.models import User
from accounts.session_store import SessionStore
from accounts.sessions import session_open

pytestmark = pytest.mark.django_db(transaction=True)


def opened(name: str) -> tuple[User, str]:
    """Somebody with a session."""
    user = User.objects.create_user(name, password="correct horse battery staple")
    return user, session_open(user=user)[0]


def by_channels(key: str) -> User | AnonymousUser:
    """What AuthMiddlewareStack would put into the scope."""
    scope: Any = {"session": SessionStore(key)}
    user = async_to_sync(get_user)(scope)
    assert isinstance(user, User | AnonymousUser)
    return user


def test_many_at_once() -> None:
    """Each key its own person; keys that are nobody's are left out."""
    ann, one = opened("ann")
    bob, two = opened("bob")
    assert people_of([one, two, "x" * 32, ""]) == {one: ann, two: bob}
    assert by_channels(one) == ann


@pytest.mark.parametrize("ends", ["password", "inactive", "expired", "backend", "deleted", "anonymous"])
def test_what_ends_a_session_ends_it_here_too(ends: str) -> None:
    """Whatever Channels refuses is refused."""
    user, key = opened("ann")
    session = SessionStore(key)
    if ends == "password":
        user.set_password("another one entirely")
        user.save()
    elif ends == "inactive":
        user.is_active = False
        user.save()
    elif ends == "expired":
        session.model.objects.filter(session_key=key).update(expire_date=timezone.now())
    elif ends == "backend":
        session["_auth_user_backend"] = "elsewhere.Backend"
        session.save()
    elif ends == "deleted":
        user.delete()
    else:
        del session["_auth_user_id"]
        session.save()
    assert people_of([key]) == {}
    assert isinstance(by_channels(key), AnonymousUser)


def test_a_key_of_before_still_holds() -> None:
    """While SECRET_KEY is rotated, sessions opened under the old one go on."""
    user, key = opened("ann")
    with override_settings(SECRET_KEY="n" * 60):
        assert people_of([key]) == {}
    from django.conf import settings

    with override_settings(SECRET_KEY="n" * 60, SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        assert people_of([key]) == {key: user}
