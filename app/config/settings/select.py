"""Which settings a process runs with."""

import os

from parley_serving.environment import environment


def select_settings() -> None:
    """Point Django at the settings module that PARLEY_ENV names."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", f"config.settings.{environment().env}")
