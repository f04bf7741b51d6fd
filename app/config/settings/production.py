"""Production: base as it is. env.py has refused what is missing before this line is reached."""

from config.settings.base import *  # noqa: F403 (a settings module is its names)
