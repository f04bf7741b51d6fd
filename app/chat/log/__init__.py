"""The durable log of every room: what is stored here is true, everything else may die."""

from chat.log.batch import Batched
from chat.log.claims import TooManyClaims
from chat.log.log import Log
from chat.log.read import Joined, Page
from chat.log.store import Commit, Draft, Refused, Stored
from chat.log.thread import DatabaseThread, Unavailable
from chat.log.turns import TooMany, TooManyRows

__all__ = [
    "Batched",
    "Commit",
    "DatabaseThread",
    "Draft",
    "Joined",
    "Log",
    "Page",
    "Refused",
    "Stored",
    "TooMany",
    "TooManyClaims",
    "TooManyRows",
    "Unavailable",
]
