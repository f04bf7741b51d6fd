"""How much one connection may make the server parse: frames, and bytes with them."""

from dataclasses import dataclass
from typing import Self

from parley_serving import limits
from parley_serving.bucket import Bucket


@dataclass(frozen=True, slots=True)
class Budget:
    """How many frames of one connection are parsed, of how many bytes, and of how many fragments a message may be."""

    per_second: float
    burst: float
    fragments: int = limits.FRAGMENTS
    mean_bytes: float = limits.FRAME_BYTES / limits.FRAME_SHARE  # of a frame, on the average of all

    @classmethod
    def above(
        cls, *, frames_per_second: float = 100, burst: float = 200, frame_bytes: int = limits.FRAME_BYTES
    ) -> Self:
        """Leave room above what the application takes, so that it is the application that refuses frames."""
        return cls(
            frames_per_second + limits.CONTROL_PER_SECOND,
            burst + limits.CONTROL_BURST,
            mean_bytes=frame_bytes / limits.FRAME_SHARE,
        )


class Purse(Bucket):
    """A bucket, and what was given on top of it, which does not fill again."""

    __slots__ = ("given",)

    def __init__(self, *, rate: float, burst: float) -> None:
        super().__init__(rate=rate, burst=burst)
        self.given = 0.0

    def owe(self, number: float = 1) -> None:
        """Take so many, whether there are as many or not; what was given goes first."""
        given = min(self.given, number)
        self.given -= given
        super().owe(number - given)

    def lacks(self, number: int) -> bool:
        """Take so many and return False; return True where there are not so many."""
        given = min(self.given, number)
        if self.take(number - given):
            return True
        self.given -= given
        return False
