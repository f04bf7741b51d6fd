"""An event loop whose clock jumps to the next timer instead of waiting for it: hours of it cost no time."""

import asyncio
import contextlib
import selectors
from collections.abc import Iterator
from typing import Any


class _Jumping(selectors.DefaultSelector):
    """Waits for nothing, and moves the clock by what it was asked to wait."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready and timeout:
            self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop for code that knows no input but its own tasks and timers."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)
        self.failures: list[dict[str, Any]] = []
        self.set_exception_handler(lambda _, context: self.failures.append(context))

    def time(self) -> float:
        return self._jumping.now

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Run the block as a callback of this loop would, with no other task getting on before or after it."""
        asyncio._set_running_loop(self)
        try:
            yield
        finally:
            asyncio._set_running_loop(None)

    def turns(self, number: int) -> None:
        """Let `number` turns of the loop pass."""
        for _ in range(number):
            self.run_until_complete(asyncio.sleep(0))

    def wait(self, seconds: float) -> None:
        """Let `seconds` of its own time pass."""
        self.run_until_complete(asyncio.sleep(seconds))

    def end(self) -> None:
        """Cancel what is left and close."""
        for task in asyncio.all_tasks(self):
            task.cancel()
        self.turns(3)
        self.close()
