"""The peers of a bench: each prepares itself, starts its processes, and says where they are."""

from deploy.operations.bench.peers.floor import Floor
from deploy.operations.bench.peers.parley import Parley
from deploy.operations.bench.peers.peer import Peer, Running
from deploy.operations.bench.peers.socketio import SocketIO
from deploy.operations.bench.peers.tutorial import Tutorial

CLASSES: dict[str, type[Peer]] = {"parley": Parley, "tutorial": Tutorial, "socketio": SocketIO, "floor": Floor}

__all__ = ["CLASSES", "Peer", "Running"]
