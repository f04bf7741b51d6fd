"""`./parley manage`: Django's manage.py, with the environment of one local stack."""

import os
import sys
from collections.abc import Sequence
from typing import Never

from deploy import environment, runner
from deploy.config import Config
from deploy.release import release
from deploy.stacks.local import lock, plan, prepare, state
from deploy.stacks.local.layout import Layout
from deploy.stacks.local.prepare import APP


def manage(config: Config, layout: Layout, arguments: Sequence[str]) -> Never:
    """Become manage.py; raise BadInputError where no stack has been made."""
    prepare.require(layout)
    # The running stack's layer, so that a change made here is told to its sockets.
    running = lock.is_running(layout) and layout.state.exists()
    env = app_environment(config, layout, state.read(layout)["layer"] if running else plan.layer_url(config, None))
    runner.become([sys.executable, "manage.py", *arguments], env=env, cwd=APP)


def app_environment(config: Config, layout: Layout, layer: str) -> dict[str, str]:
    """Return what a command of the app is told that runs beside the stack."""
    site = plan.app_site(config, layout, sockets=config.app.sockets, layer=layer, release=release())
    return environment.clean(os.environ) | environment.app(config, site)
