"""`./parley dev`: one uvicorn with reload, the in-memory layer, plain http and ws."""

import asyncio
import os
import sys
from typing import Never
from urllib.parse import quote

from deploy.effects import commands, files
from deploy.errors import BadInputError
from deploy.model.config import Config
from deploy.model.hosts import origin
from deploy.model.release import release
from deploy.stacks import ports
from deploy.stacks.local import prepare, secret
from deploy.stacks.local.layout import DEFAULT, Layout
from deploy.stacks.local.plan import LOOPBACK_NETWORKS
from deploy.stacks.local.prepare import APP
from deploy.text import environment
from deploy.text.environment import AppSite

ADDRESS = "127.0.0.1"


def dev(config: Config, port: int) -> Never:
    """Prepare .parley/dev and become uvicorn; raise BadInputError where the port is in use."""
    if not config.is_own:
        raise BadInputError("dev is not yet for a project: its own `manage.py runserver` does the same")
    ports.available((ADDRESS,), port)
    layout = Layout(DEFAULT / "dev")
    files.make_folder(layout.dir)
    secret.ensure(layout)
    site = AppSite(
        tier="local",
        scheme="http",
        port=port,
        secret_key_file=layout.secret_key,
        database_url=f"sqlite:///{quote(str(layout.database))}",
        layer_url="memory://",
        static_root=layout.static,
        release=release(),
        sockets=config.app.sockets,
        unlimited=LOOPBACK_NETWORKS,
    )
    env = environment.clean(os.environ) | environment.app(config, site)
    env["PARLEY_COOKIE_PREFIX"] = ""  # over plain http a browser refuses cookies that begin with "__Host-"
    asyncio.run(prepare.database(env))
    sys.stdout.write(f"ready: {origin('localhost', port, 'http')}/ in a moment; Ctrl-C stops it\n")
    command = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--host", ADDRESS, "--port", str(port)]
    command += ["--reload", "--ws", "parley_serving.protocol:PreparedProtocol", "--lifespan", "off"]
    command += ["--ws-max-size", str(config.app.frame_bytes), "--ws-ping-interval", str(config.app.ping_seconds)]
    commands.become(command, env=env, cwd=APP)
