"""The tutorial's application."""
# ruff: noqa: E402
# isort: skip_file

from typing import Any

from django.core.asgi import get_asgi_application

django_application = get_asgi_application()

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.urls import re_path

from deploy.operations.bench.servers.tutorial.consumers import ChatConsumer

# django-stubs knows views alone as the end of a path; Channels routes ASGI applications.
chat: Any = ChatConsumer.as_asgi()
routes = URLRouter([re_path(r"^ws/chat/(?P<room>[\w-]+)/$", chat)])

application = ProtocolTypeRouter(
    {"http": django_application, "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(routes))}
)
