"""The project as an application: its system checks."""

from django.apps import AppConfig


class ParleyConfig(AppConfig):
    """Registers the checks that span settings."""

    name = "config"
    label = "parley"

    def ready(self) -> None:
        """Register the checks once the registry is full."""
        from config import checks  # noqa: F401, PLC0415 (registers itself; checks need the apps loaded)
