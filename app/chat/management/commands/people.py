"""Who is too loud, and who may come in: for whoever operates the site and is not at a browser."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.selectors import NotOnePerson, person_named
from accounts.services import person_ban
from chat.selectors import people_loudest


class Command(BaseCommand):
    """Tell who wrote most, shut somebody out, or let them in again."""

    help = "loud: who wrote most of the newest messages; show, ban, unban: one person, by id or username."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what to do, and with whom."""
        parser.add_argument("what", choices=["loud", "show", "ban", "unban"])
        parser.add_argument("who", nargs="?", help="for all but loud: an id or a username")

    def handle(self, *_args: Any, what: str, who: str | None, **_options: Any) -> None:
        """Do it, and say how each person stands in a line of its own."""
        if (what == "loud") != (who is None):
            raise CommandError("people loud, people show WHO, people ban WHO, people unban WHO")
        if who is None:
            for loud in people_loudest():
                said = f"{loud.messages} messages in {loud.seconds:.0f} s: {loud.person} {loud.username} {loud.name!r}"
                self.stdout.write(f"people: {said}")
            return
        try:
            person = person_named(who)
        except NotOnePerson:
            raise CommandError(f"{who}: nobody, or more than one, has this id or username") from None
        if what != "show":
            person_ban(person=person, banned=what == "ban")
        standing = "banned" if person.banned else "may come in" if person.is_active else "not active"
        self.stdout.write(f"people: {person.pk} {person.username} {person.name!r}: {standing}")
