"""The accounts application."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """People, sessions and tickets."""

    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Listen for what ends somebody's rights."""
        from accounts import receivers  # noqa: F401, PLC0415 (registers itself; receivers need the models)
