"""The chat's ASGI application: http to Django and websockets to the chat, inside of what stands around any project's.

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

from dataclasses import replace
from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.urls import path

from accounts.queues import queue_of
from chat.consumers import ChatConsumer
from chat.errors import busy_page
from chat.handshake import Handshake
from chat.runtime import runtime
from parley_serving.cookies import FirstCookies
from parley_serving.project.application import wrapped
from parley_serving.readiness import Readiness
from parley_serving.turnstile import Turnstile

# django-stubs knows views alone as the end of a path; Channels routes ASGI applications.
chat: Any = Handshake(ChatConsumer.as_asgi())

# uvicorn serves no static files: nginx does, and in DEBUG Django (pitfalls A11).
pages: Any = ASGIStaticFilesHandler(django_application) if settings.DEBUG else django_application

routes = ProtocolTypeRouter(
    {
        "http": Turnstile(pages, queue_of=queue_of, page=busy_page),
        "websocket": URLRouter(
            [
                path("ws/chat/", chat),
            ]
        ),
    }
)

application = wrapped(
    FirstCookies(routes),
    replace(environment(), origin_rule="list", origins=tuple(settings.ALLOWED_ORIGINS)),
    start=runtime,
    readiness=Readiness(),
    is_taken=lambda _: False,
)
