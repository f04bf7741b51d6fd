"""`./parley dev`: one uvicorn with reload, the in-memory layer, plain http and ws."""

import asyncio
import os
import sys
from typing import Never
from urllib.parse import quote

from deploy import environment, files, runner
from deploy.config import Config
from deploy.environment import AppSite
from deploy.hosts import origin
from deploy.release import release
from deploy.stacks.local import ports, prepare, secret
from deploy.stacks.local.layout import DEFAULT, Layout
from deploy.stacks.local.prepare import APP

ADDRESS = "127.0.0.1"


def dev(config: Config, port: int) -> Never:
    """Prepare .parley/dev and become uvicorn; raise BadInputError where the port is in use."""
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
    )
    env = environment.clean(os.environ) | environment.app(config, site)
    asyncio.run(prepare.database(env))
    sys.stdout.write(f"ready: {origin('localhost', port, 'http')}/ in a moment; Ctrl-C stops it\n")
    command = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--host", ADDRESS, "--port", str(port)]
    command += ["--reload", "--ws", "realtime.protocol:PreparedProtocol", "--lifespan", "off"]
    command += ["--ws-max-size", str(config.app.frame_bytes), "--ws-ping-interval", str(config.app.ping_seconds)]
    runner.become(command, env=env, cwd=APP)
