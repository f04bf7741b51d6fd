"""The ASGI application: health first, then http to Django and websockets to the chat.

Order matters in this file: Django's application is made, which fills the app registry, before anything is imported
that reaches a model (pitfalls A1).
"""
# ruff: noqa: E402
# isort: skip_file

from parley_serving.environment import environment
from config.settings.select import select_settings

select_settings()

from django.core.asgi import get_asgi_application

django_application = get_asgi_application()

from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.urls import path, re_path

from accounts.queues import queue_of
from chat.consumers import ChatConsumer
from chat.errors import busy_page
from chat.handshake import Handshake
from chat.runtime import runtime
from parley_serving.cookies import FirstCookies
from parley_serving.ids import Ids
from parley_serving.health import Health
from parley_serving.origin import LoggedOriginValidator
from parley_serving.refuse import not_found
from parley_serving.turnstile import Turnstile

# django-stubs knows views alone as the end of a path; Channels routes ASGI applications.
chat: Any = Handshake(ChatConsumer.as_asgi())
nowhere: Any = not_found
_, _, metrics_port = environment().metrics_bind.rpartition(":")

# uvicorn serves no static files: nginx does, and in DEBUG Django (pitfalls A11).
pages: Any = ASGIStaticFilesHandler(django_application) if settings.DEBUG else django_application

answering = Health(
    ProtocolTypeRouter(
        {
            "http": Turnstile(pages, queue_of=queue_of, page=busy_page),
            "websocket": LoggedOriginValidator(
                URLRouter(
                    [
                        path("ws/chat/", chat),
                        re_path("", nowhere),  # without it a scanner gets 500 and the log a traceback (pitfalls A6)
                    ]
                ),
                settings.ALLOWED_ORIGINS,
            ),
        }
    ),
    start=runtime,
    metrics_port=int(metrics_port or 0),
)

# Outermost: whatever is logged below has an id.
application = Ids(FirstCookies(answering))
