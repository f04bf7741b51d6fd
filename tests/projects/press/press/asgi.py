import os

from channels.routing import ChannelNameRouter, ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from channels.sessions import SessionMiddlewareStack
from django.core.asgi import get_asgi_application
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "press.settings")
django_app = get_asgi_application()

from prints.consumers import DeskConsumer, PrintConsumer  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": django_app,
        "websocket": AllowedHostsOriginValidator(
            SessionMiddlewareStack(URLRouter([path("ws/desk/", DeskConsumer.as_asgi())]))
        ),
        "channel": ChannelNameRouter({"prints": PrintConsumer.as_asgi()}),
    }
)
