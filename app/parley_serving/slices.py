"""What many connections sent, parsed by turns: a slice of each, and in one turn of the loop only so much of all."""

import asyncio
from collections import deque
from collections.abc import Callable

from parley_serving import limits

Parse = Callable[[], bool]


class Slices:
    """A line of connections whose input waits to be parsed; however many there are, the others get their turn."""

    def __init__(self) -> None:
        self._waiting: deque[Parse] = deque()
        self._is_coming = False  # a turn

    def join(self, parse: Parse) -> None:
        """Call `parse`, which parses one slice, until it says that nothing is left."""
        self._waiting.append(parse)
        if not self._is_coming:
            self._is_coming = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + limits.SLICES_SECONDS
        try:
            for _ in range(len(self._waiting)):  # once round: between two slices of a connection its application runs
                parse = self._waiting.popleft()
                if parse():  # one that fails does not come back: its connection is over
                    self._waiting.append(parse)
                if loop.time() >= end:
                    break
        finally:
            self._is_coming = bool(self._waiting)
            if self._is_coming:
                loop.call_soon(self._turn)
