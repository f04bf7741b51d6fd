from django.urls import path

from .consumers import LiveConsumer

websocket_urlpatterns = [
    path("ws/shelf/", LiveConsumer.as_asgi()),
    path("ws/books/<int:pk>/", LiveConsumer.as_asgi()),
]
