"""Django for a command of ours that is none of the project's: with the settings that its first argument names."""

import os
from collections.abc import Sequence

import django
from django.conf import settings

SETTINGS = "--settings="


def set_up(arguments: Sequence[str]) -> list[str]:
    """Start Django with `--settings=NAME`, or with what DJANGO_SETTINGS_MODULE says; return the other arguments."""
    for one in arguments:
        if one.startswith(SETTINGS):
            os.environ["DJANGO_SETTINGS_MODULE"] = one.removeprefix(SETTINGS)
    django.setup()
    for database in settings.DATABASES.values():
        database.get("OPTIONS", {}).pop("pool", None)  # one thread needs none, and a pool hides why nobody answers
    return [one for one in arguments if not one.startswith(SETTINGS)]
