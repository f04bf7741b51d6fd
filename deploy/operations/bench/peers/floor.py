"""The bare floor: what uvicorn itself costs."""

import sys
from typing import ClassVar

from deploy.model.config import ROOT
from deploy.operations.bench.peers.peer import LOOPBACK, Peer
from deploy.stacks.local.supervised import Service

SERVER = "deploy.operations.bench.servers.floor.server"


class Floor(Peer):
    """One frame, encoded once, written to every transport; stores nothing, knows nobody."""

    name: ClassVar[str] = "floor"

    async def prepare(self) -> None:
        """Make the folder."""
        self.make()
        self.cookies = self.no_sessions()

    def instance(self, name: str) -> Service:
        """Give one uvicorn."""
        command = [sys.executable, "-P", "-m", "uvicorn", f"{SERVER}:application", "--ws", f"{SERVER}:FloorProtocol"]
        if self.options.by_port:
            command += ["--host", LOOPBACK, "--port", str(self.ports[name])]
        else:
            command += ["--uds", str(self.plan.instance_socket(name))]
        command += ["--log-level", "warning", "--no-access-log"]
        command += ["--ws-per-message-deflate", "false", "--lifespan", "on"]
        env = self.env(PYTHONPATH=str(ROOT), BENCH_REDIS=str(self.redis_socket))
        return Service(name, tuple(command), env, self.layout.dir)
