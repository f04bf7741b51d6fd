"""Whether a column that is altered still takes everything that code before the alteration writes."""

import re
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

TYPE = re.compile(r"([^()]+?)\s*(?:\(([\d, ]+)\))?")
INTEGERS = ("smallint", "integer", "bigint")
TEXTS = ("varchar", "text")


def narrowed(old: Any, new: Any, connection: BaseDatabaseWrapper) -> str:
    """Say what the code before writes that a field takes no longer; empty where it takes all of it."""
    if old.many_to_many or new.many_to_many:
        return "" if old.many_to_many and new.many_to_many else "it becomes another kind of field"
    tighter = {
        "null is written now": old.null and not new.null,
        "unique: the same value is written twice now": new.unique and not old.unique,
        "the primary key is another": new.primary_key != old.primary_key,
        "the database's default is relied on now": _default(old) and not _default(new) and not new.null,
        "it leads to another table": _target(old) != _target(new),
    }
    found = next((reason for reason, holds in tighter.items() if holds), "")
    return found or type_narrowed(old.db_parameters(connection), new.db_parameters(connection))


def _default(field: Any) -> bool:
    return getattr(field, "db_default", models.NOT_PROVIDED) is not models.NOT_PROVIDED  # new in Django 5


def _target(field: Any) -> str:
    """Name the table that the database sees a field lead to."""
    related = field.remote_field
    if related is None or not getattr(field, "db_constraint", True):
        return ""
    return str(related.model._meta.db_table)  # noqa: SLF001 (Django documents it)


def type_narrowed(old: dict[str, Any], new: dict[str, Any]) -> str:
    """Say the same of two types, as Field.db_parameters gives them."""
    if new.get("check") and new["check"] != old.get("check"):
        return "it forbids values that are written now"
    if new.get("collation") != old.get("collation"):
        return "it compares in another way"
    was, now = str(old["type"]), str(new["type"])
    return "" if was == now or _holds(_parsed(was), _parsed(now)) else f"{was} becomes {now}"


def _holds(old: tuple[str, tuple[int, ...]], new: tuple[str, tuple[int, ...]]) -> bool:
    """Tell whether each value of one type is one of the other, and reads the same."""
    (was, sizes), (now, room) = old, new
    for family in (INTEGERS, TEXTS):
        if was in family and now in family and was != now:
            return family.index(was) < family.index(now)
    if was != now:
        return False
    if len(sizes) == 2 and len(room) == 2:  # digits, and those of them after the point
        return room[1] >= sizes[1] and room[0] - room[1] >= sizes[0] - sizes[1]
    return not room or (bool(sizes) and room >= sizes)


def _parsed(text: str) -> tuple[str, tuple[int, ...]]:
    found = TYPE.fullmatch(text)
    if found is None:
        return text, ()
    return found[1], tuple(int(number) for number in (found[2] or "").split(",") if number.strip())
