"""The application, in the order that works."""
# ruff: noqa: E402
# isort: skip_file

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "stock.settings")
from django.core.asgi import get_asgi_application

django_application = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path

from stock.consumers import Room

application = ProtocolTypeRouter({"http": django_application, "websocket": URLRouter([path("ws/", Room.as_asgi())])})
