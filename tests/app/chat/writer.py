"""A process that writes: `writer.py DATABASE_URL AUTHOR ROOM… NAME` prints [[room, key, seq], …] as JSON.

Every third key is written by all writers; each of their drafts is repeated until it is known where it is stored.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "app"))
url, author, *rooms, name = sys.argv[1:]
os.environ |= {
    "PARLEY_ENV": "test",
    "PARLEY_DATABASE_URL": url,
    "DJANGO_SETTINGS_MODULE": "config.settings.test",
    "PARLEY_LOG_LEVEL": "error",
}

import django  # noqa: E402

django.setup()

from chat.log import Draft, Log, Unavailable  # noqa: E402

DRAFTS = 150


async def write(log: Log, room: int, key: str) -> list[object]:
    """Store one draft, whatever it takes."""
    while True:
        try:
            draft = Draft(room=room, author=int(author), author_name="Ada", guest=False, key=key, text=key)
            return [room, key, (await log.append(draft)).seq]
        except Unavailable:
            continue


async def main() -> None:
    """Write to every room, in an order of this writer's own."""
    log = Log(lambda _: None)
    order = sorted(map(int, rooms), reverse=name == "b")
    answers = []
    for number in range(DRAFTS):
        key = f"both-{number}" if number % 3 == 0 else f"{name}-{number}"
        answers.append(await asyncio.gather(*(write(log, room, key) for room in order)))
    await log.close()
    print(json.dumps([one for answer in answers for one in answer]))  # noqa: T201 (its answer)


asyncio.run(main())
