"""What `check` says of a project beside its numbers: whether it can be imported, and what `up` does not use."""

import asyncio
from collections.abc import Callable

from deploy.errors import BadInputError
from deploy.model.config import Config
from deploy.stacks.local import application, applications, examine, plan, unused
from deploy.stacks.local.layout import Layout
from deploy.stacks.local.manage import app_environment


def look(config: Config, layout: Layout, say: Callable[[str], object]) -> None:
    """Import it where its packages are there already; raise BadInputError for what `up` would refuse."""
    application.require(config, layout.dir)
    for line in unused.lines(config):
        say(line)
    try:
        found = applications.find(config, layout)
    except BadInputError as missing:
        say(f"not imported: {missing}")
        return
    env = app_environment(config, layout, plan.layer_url(config, None), found)
    asyncio.run(examine.examine(found, env, say))
    say(f"imported: {config.project.asgi} with {config.project.settings.module}, by {found.python}")
