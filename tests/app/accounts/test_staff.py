"""Staff in the admin: nobody gives themselves rights, and moderators ban without changing anybody."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.test import Client

from accounts.models import Revocation, User

pytestmark = pytest.mark.django_db
PASSWORD = "a long enough one"
PEOPLE = "/admin/accounts/user/"

Staff = Callable[..., tuple[Client, User]]


@pytest.fixture
def staff() -> Staff:
    """Make somebody of the staff with these permissions alone, at a browser."""

    def made(*rights: str, name: str = "mod") -> tuple[Client, User]:
        user = User.objects.create_user(name, password=PASSWORD, is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=rights))
        assert user.user_permissions.count() == len(rights)
        client = Client()
        client.force_login(user)
        return client, user

    return made


def stored(person: User) -> dict[str, Any]:
    """Read a person's rights, password and state."""
    person = User.objects.get(pk=person.pk)
    return {
        "rights": (person.is_staff, person.is_superuser, person.groups.count(), person.user_permissions.count()),
        "password": person.password,
        "banned": person.banned,
    }


def changed(client: Client, person: User, **fields: object) -> int:
    """Post a person's change form, and return the status."""
    form = {"username": person.username, "name": person.name, "date_joined_0": "2026-01-01", "date_joined_1": "0:00"}
    return client.post(f"{PEOPLE}{person.pk}/change/", form | fields).status_code


@pytest.mark.parametrize("whose", ["own", "another's", "an ordinary person's"])
def test_nobody_gives_rights_who_is_no_superuser(staff: Staff, whose: str) -> None:
    """Neither to themselves, nor to others, who might give them back."""
    client, user = staff("change_user", "view_user", "add_user", "delete_user")
    Group.objects.create(name="everything")
    person = {"own": user, "another's": staff("view_user", name="two")[1]}.get(whose) or User.objects.create_user("eva")
    before = stored(person)
    rights = {"is_staff": "on", "is_superuser": "on", "is_active": "on", "groups": str(Group.objects.get().pk)}
    all_of_them = list(Permission.objects.values_list("pk", flat=True))
    status = changed(client, person, **rights, user_permissions=all_of_them)
    assert stored(person)["rights"] == before["rights"]
    assert status == (302 if whose.startswith("an ordinary") else 403)


def test_nobody_takes_over_the_staff(staff: Staff) -> None:
    """By a password, a deletion or a name: whoever could would be that person. Others' they may set."""
    client, _ = staff("change_user", "view_user", "delete_user")
    boss, eva = User.objects.create_superuser("boss", password=PASSWORD), User.objects.create_user("eva")
    new = {"password1": "another long one", "password2": "another long one", "usable_password": "true"}
    before = stored(boss)
    assert client.post(f"{PEOPLE}{boss.pk}/password/", new).status_code == 403
    assert changed(client, boss, name="Other") == 403
    assert client.post(f"{PEOPLE}{boss.pk}/delete/", {"post": "yes"}).status_code == 403
    action = {"action": "delete_selected", "_selected_action": [boss.pk], "post": "yes"}
    assert client.post(PEOPLE, action).status_code == 403
    assert stored(boss) == before
    assert client.post(f"{PEOPLE}{eva.pk}/password/", new).status_code == 302
    assert User.objects.get(pk=eva.pk).check_password("another long one")


@pytest.mark.parametrize("where", ["add/", "{pk}/change/", "{pk}/delete/"])
def test_groups_are_rights_too(staff: Staff, where: str) -> None:
    """Whoever belongs to a group would give it everything."""
    client, user = staff("add_group", "change_group", "delete_group", "view_group")
    group = Group.objects.create(name="helpers")
    user.groups.add(group)
    form = {"name": "helpers", "post": "yes", "permissions": list(Permission.objects.values_list("pk", flat=True))}
    assert client.post("/admin/auth/group/" + where.format(pk=group.pk), form).status_code == 403
    assert client.get("/admin/auth/group/").status_code == 200
    assert Group.objects.get().permissions.count() == 0


def test_a_superuser_gives_rights(admin_client: Client) -> None:
    """As before."""
    eva = User.objects.create_user("eva")
    assert changed(admin_client, eva, is_active="on", is_staff="on") == 302
    assert User.objects.get(pk=eva.pk).is_staff
    assert admin_client.post("/admin/auth/group/add/", {"name": "helpers"}).status_code == 302


def act(client: Client, action: str, *people: User) -> int:
    """Do something with people of the list."""
    form = {"action": action, "_selected_action": [person.pk for person in people]}
    return client.post(PEOPLE, form).status_code


def test_a_moderator_bans_and_changes_nobody(staff: Staff) -> None:
    """With two permissions: to see people, and to ban them. The list of what was done names who did it to whom."""
    client, mod = staff("view_user", "ban_user")
    eva, ana = User.objects.create_user("eva"), User.objects.create_guest(name="Ana")
    assert "Ban the selected people" in client.get(PEOPLE).content.decode()
    assert act(client, "ban", eva, ana) == 302
    assert set(User.objects.filter(banned=True)) == {eva, ana}
    assert set(Revocation.objects.filter(user__isnull=False).values_list("reason", "user")) == {
        ("banned", eva.pk),
        ("banned", ana.pk),
    }
    assert act(client, "ban", eva) == 302, "once more, and nothing more"
    assert act(client, "let_in", eva) == 302
    assert set(User.objects.filter(banned=True)) == {ana}
    done = LogEntry.objects.order_by("pk").values_list("user", "object_id")
    assert sorted(done) == sorted([(mod.pk, str(eva.pk)), (mod.pk, str(ana.pk)), (mod.pk, str(eva.pk))])
    assert changed(client, eva, name="Other") == 403


def test_nobody_bans_the_staff_or_themselves(staff: Staff, admin_client: Client) -> None:
    """A superuser bans staff, and so a moderator who went wrong; a moderator bans nobody above, nor themselves."""
    client, mod = staff("view_user", "ban_user")
    boss, other = User.objects.get(username="admin"), staff("view_user", name="other")[1]
    assert act(client, "ban", boss, mod, other) == 302
    assert not User.objects.filter(banned=True).exists()
    assert act(admin_client, "ban", boss, mod) == 302
    assert set(User.objects.filter(banned=True)) == {mod}
    assert act(client, "let_in", mod) == 403


@pytest.mark.parametrize("rights", [("view_user",), ("view_user", "change_user"), ("view_user", "delete_user")])
def test_the_action_asks_for_its_own_permission(staff: Staff, rights: tuple[str, ...]) -> None:
    """Others do not find it, nor does it work for them."""
    client, _ = staff(*rights)
    eva = User.objects.create_user("eva")
    assert "Ban the selected people" not in client.get(PEOPLE).content.decode()
    act(client, "ban", eva)
    assert not User.objects.filter(banned=True).exists()
