"""System checks with ids: what must hold before a process may serve."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from config.env import environment

IN_MEMORY = "channels.layers.InMemoryChannelLayer"


@register(Tags.security)
def layer_is_shared(**_: Any) -> list[CheckMessage]:
    """Refuse the in-memory layer outside local and test: it reaches one process and looks well (pitfalls C9)."""
    backends = [layer["BACKEND"] for layer in settings.CHANNEL_LAYERS.values()]
    if environment().env in {"local", "test"} or IN_MEMORY not in backends:
        return []
    return [
        Error(
            "PARLEY_LAYER_URL=memory:// reaches one process only.",
            hint="Give redis://… or, for delivery by the log's poll alone, none://.",
            id="parley.E001",
        )
    ]
