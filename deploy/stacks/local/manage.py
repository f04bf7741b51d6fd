"""`./parley manage`: Django's manage.py, with the environment of one local stack."""

import os
from collections.abc import Sequence
from typing import Never

from deploy.effects import commands
from deploy.model.config import Config
from deploy.model.release import release
from deploy.stacks.local import applications, lock, plan, prepare, state, told
from deploy.stacks.local.application import Application
from deploy.stacks.local.layout import Layout
from deploy.text import environment


def manage(config: Config, layout: Layout, arguments: Sequence[str]) -> Never:
    """Become manage.py; raise BadInputError where no stack has been made."""
    prepare.require(layout)
    application = applications.find(config, layout)
    # The running stack's layer, so that a change made here is told to its sockets.
    running = state.read(layout) if lock.is_running(layout) and layout.state.exists() else {}
    layer, port = running.get("layer") or plan.layer_url(config, None), running.get("store_port") or 0
    env = app_environment(config, layout, layer, application, port=port)
    commands.become(application.command(*arguments), env=env, cwd=application.folder)


def app_environment(
    config: Config, layout: Layout, layer: str, application: Application | None = None, *, port: int = 0
) -> dict[str, str]:
    """Return what a command of the app is told that runs beside the stack; `port` is that of the Redis that keeps."""
    site = told.app_site(config, layout, sockets=config.app.sockets, layer=layer, release=release())
    by = application or applications.find(config, layout)
    variables = told.variables_of(config, layout, site, by, port=port, instance="manage")
    return environment.clean(os.environ) | variables
