"""What was rolled out, by whom, and how it ended: `rollouts.json` in the stack's folder, oldest first."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from deploy.effects import files
from deploy.errors import BadInputError
from deploy.stacks.lock import operator

NAME = "rollouts.json"


class Record(msgspec.Struct, omit_defaults=True):
    """One rollout or rollback; `found` is a release that served without one, as after the first installation."""

    what: Literal["found", "rollout", "rollback"]
    release: str
    who: str
    at: str
    why: str = ""
    failed: str = ""  # how it ended, where it did not end well
    breaks: list[str] = []  # operations that ran, and that no release before it can live with


class History:
    """The file; every change of it is whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME

    def records(self) -> list[Record]:
        """Read them all."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=list[Record])
        except FileNotFoundError:
            return []
        except msgspec.MsgspecError as error:
            raise BadInputError(f"{self._path}: {error}") from None

    def add(
        self,
        what: Literal["found", "rollout", "rollback"],
        release: str,
        *,
        why: str = "",
        failed: str = "",
        breaks: Sequence[str] = (),
    ) -> None:
        """Write down one more."""
        at = f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
        records = [*self.records(), Record(what, release, operator(), at, why, failed, list(breaks))]
        files.write(self._path, msgspec.json.format(msgspec.json.encode(records)) + b"\n", mode=0o644)

    def good(self) -> list[str]:
        """Give the releases that served well and were not gone back from, oldest first; the last one serves."""
        good: list[str] = []
        for record in self.records():
            if record.failed:
                continue
            if record.what == "rollback" and record.release in good:
                del good[good.index(record.release) + 1 :]
            elif good[-1:] != [record.release]:
                good = [*(one for one in good if one != record.release), record.release]
        return good

    def breaks_since(self, release: str) -> list[str]:
        """Give the operations that ran after a release last served well, and that it cannot live with."""
        found: list[str] = []
        for record in self.records():
            served = record.release == release and not record.failed
            found = [] if served else [*found, *record.breaks]
        return found
