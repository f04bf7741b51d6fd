"""Socket.IO on Node with its Redis adapter, installed by npm into .parley/bench."""

import shutil
from pathlib import Path
from typing import ClassVar

from deploy.effects import files, processes
from deploy.errors import StackError
from deploy.model.config import ROOT
from deploy.operations.bench.peers.peer import Peer
from deploy.stacks.local.layout import DEFAULT
from deploy.stacks.local.supervised import Service

SOURCE = ROOT / "deploy/operations/bench/servers/socketio"
INSTALLED = DEFAULT / "bench" / "socketio"
STAMP = INSTALLED / "installed"
INSTALL = ("install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error")


class SocketIO(Peer):
    """Two Node processes; stores nothing."""

    name: ClassVar[str] = "socketio"

    @classmethod
    def left_out(cls) -> str:
        """Say which of node and npm is missing."""
        missing = [name for name in ("node", "npm") if shutil.which(name) is None]
        return f"no {' and no '.join(missing)} on PATH" if missing else super().left_out()

    async def prepare(self) -> None:
        """Install the packages once, and again when their list has changed."""
        self.make()
        self.cookies = self.no_sessions()
        files.make_folder(INSTALLED)
        package = (SOURCE / "package.json").read_bytes()
        files.write(INSTALLED / "server.mjs", (SOURCE / "server.mjs").read_bytes())
        if STAMP.exists() and STAMP.read_bytes() == package:
            return
        files.write(INSTALLED / "package.json", package)
        done = await processes.run_beside([_found("npm"), *INSTALL], env=self.env(), cwd=INSTALLED)
        if done.status != 0:
            raise StackError(f"npm install in {INSTALLED} failed:\n{done.output}")
        files.write(STAMP, package)

    def instance(self, name: str) -> Service:
        """Give one Node."""
        where = str(self.ports[name] if self.options.by_port else self.plan.instance_socket(name))
        command = (_found("node"), str(INSTALLED / "server.mjs"), where, str(self.redis_socket))
        return Service(name, command, self.env(NODE_ENV="production"), INSTALLED)


def _found(name: str) -> str:
    path = shutil.which(name)
    return str(Path(path)) if path else name
