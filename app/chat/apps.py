"""The chat application."""

from django.apps import AppConfig


class ChatConfig(AppConfig):
    """Rooms and their durable logs."""

    name = "chat"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Listen for what ends somebody's rights."""
        from chat import receivers  # noqa: F401, PLC0415 (registers itself; receivers need the models)
