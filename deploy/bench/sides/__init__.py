"""The sides of a bench: each prepares itself, starts its processes, and says where they are."""

from deploy.bench.sides.floor import Floor
from deploy.bench.sides.parley import Parley
from deploy.bench.sides.side import Running, Side
from deploy.bench.sides.socketio import SocketIO
from deploy.bench.sides.tutorial import Tutorial

SIDES: dict[str, type[Side]] = {"parley": Parley, "tutorial": Tutorial, "socketio": SocketIO, "floor": Floor}

__all__ = ["SIDES", "Running", "Side"]
