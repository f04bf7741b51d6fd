"""After a restore every room tells its clients that they know another history."""

import io

import pytest
from django.core.management import CommandError, call_command

from chat.models import Room


@pytest.mark.django_db
def test_every_room_gets_a_new_one_of_its_own() -> None:
    """No room keeps its epoch, no two have the same, and nothing else of them changes."""
    for number in range(3):
        Room.objects.create(slug=f"r{number}", title=f"R{number}", head=number)
    before = dict(Room.objects.values_list("slug", "epoch"))
    out = io.StringIO()
    call_command("epochs", "renew", stdout=out)
    after = dict(Room.objects.values_list("slug", "epoch"))
    assert out.getvalue() == "epochs: 3 renewed\n"
    assert before.keys() == after.keys()
    assert not set(before.values()) & set(after.values())
    assert len(set(after.values())) == 3
    assert sorted(Room.objects.values_list("head", flat=True)) == [0, 1, 2]


@pytest.mark.django_db
def test_not_by_a_slip() -> None:
    """Without the word nothing happens: all people would read every room anew."""
    with pytest.raises(CommandError):
        call_command("epochs")
