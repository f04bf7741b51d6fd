"""System checks with ids: what must hold before a process may serve."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from parley_serving.environment import environment

IN_MEMORY = "channels.layers.InMemoryChannelLayer"
LOSSY = "realtime.lossy.LossyChannelLayer"


@register(Tags.security)
def layer_is_shared(**_: Any) -> list[CheckMessage]:
    """Refuse the in-memory layer outside local and test: it reaches one process and looks well (pitfalls C9).

    parley_serving/environment.py refuses its URL; this finds one that somebody wrote into the settings.
    """
    if not _serves_everybody(IN_MEMORY):
        return []
    return [
        Error(
            "The in-memory channel layer reaches one process only.",
            hint="PARLEY_LAYER_URL: give redis://… or, for delivery by the log's poll alone, none://.",
            id="parley.E001",
        )
    ]


@register(Tags.security)
def layer_is_honest(**_: Any) -> list[CheckMessage]:
    """Refuse the layer that misbehaves on purpose outside local and test."""
    if not _serves_everybody(LOSSY):
        return []
    return [
        Error(
            f"{LOSSY} drops messages on purpose.",
            hint="CHANNEL_LAYERS: name the layer inside it.",
            id="parley.E002",
        )
    ]


def _serves_everybody(backend: str) -> bool:
    """Say whether this layer is set where it may not be."""
    backends = {layer["BACKEND"] for layer in settings.CHANNEL_LAYERS.values()}
    return backend in backends and environment().env not in {"local", "test"}
