"""The accounts application."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """People, sessions and tickets."""

    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"
