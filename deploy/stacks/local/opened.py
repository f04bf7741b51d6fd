"""Which local stack a command line means: the project's configuration, and the folder of its state."""

from pathlib import Path

from deploy.model.config import Config, Overrides, load
from deploy.stacks.local.layout import Layout


def opened(project: Path | None, directory: Path | None, overrides: Overrides | None = None) -> tuple[Config, Layout]:
    """Read the project's parley.toml, or the checkout's own; its state is in `directory`, if one is given."""
    config = load(overrides, project=project)
    return config, Layout.of(config, directory)
