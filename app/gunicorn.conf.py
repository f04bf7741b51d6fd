"""gunicorn's settings of the reference chat. Run with this folder as the working directory."""

from config.settings.select import select_settings
from parley_serving.server import *  # noqa: F403 (a file of settings is its names)

select_settings()

wsgi_app = "config.asgi:application"
