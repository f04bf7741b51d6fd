"""The durable log of every room: what is stored here is true, everything else may die."""

from chat.log.log import Log, Refused, Unavailable
from chat.log.read import Joined, Page
from chat.log.store import Commit, Draft, Stored

__all__ = ["Commit", "Draft", "Joined", "Log", "Page", "Refused", "Stored", "Unavailable"]
