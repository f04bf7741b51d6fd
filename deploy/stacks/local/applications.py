"""Finds or makes what a project runs in: its environment, and the folder with what Parley brings into it."""

from collections.abc import Callable

from deploy.effects import files
from deploy.model.config import Config
from deploy.stacks import owner, packages
from deploy.stacks.local import application
from deploy.stacks.local.application import Application
from deploy.stacks.local.layout import Layout


def find(config: Config, layout: Layout) -> Application:
    """Return the project as it was made; raise BadInputError where it has not been."""
    if config.is_own:
        return application.own(config)
    owner.require(config, layout.owner)
    return application.of(config, layout, packages.find(config, layout.python).program)


def make(config: Config, layout: Layout, say: Callable[[str], object]) -> Application:
    """Make what is missing; raise BadInputError for packages that cannot be installed."""
    if config.is_own:
        return application.own(config)
    files.make_folder(layout.dir)
    owner.claim(config, layout.owner)
    made = packages.ensure(config, layout.python, say)
    application.link(layout)
    return application.of(config, layout, made.program)
