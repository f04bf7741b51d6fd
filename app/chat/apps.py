"""The chat application."""

from django.apps import AppConfig


class ChatConfig(AppConfig):
    """Rooms and their durable logs."""

    name = "chat"
    default_auto_field = "django.db.models.BigAutoField"
