"""`python -m deploy.operations.bench.load PLAN ANSWER`: reads the plan, runs it, writes the answer."""

import asyncio
import gc
import sys
from pathlib import Path

import msgspec
import uvloop

from deploy.operations.bench.load.clients import LoadClients
from deploy.operations.bench.load.plan import Answer, Plan
from deploy.operations.bench.load.workloads import WORKLOADS
from deploy.stacks.local.limits import raise_open_files

LAST_SECONDS = 0.2  # for the connections' ends to leave


async def run(plan: Plan) -> Answer:
    """Run one plan; what goes wrong is in the answer."""
    clients = LoadClients(plan)
    try:
        return Answer(await WORKLOADS[plan.workload](clients))
    except BaseExceptionGroup as group:
        return Answer({}, _sentence(group))
    except Exception as error:  # noqa: BLE001 (told by the parent, as one line)
        return Answer({}, _sentence(error))
    finally:
        clients.cut(clients.members)
        await asyncio.sleep(LAST_SECONDS)


def _sentence(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


def main() -> None:
    """Take both paths from the command line."""
    plan_path, answer_path = map(Path, sys.argv[1:])
    plan = msgspec.json.decode(plan_path.read_bytes(), type=Plan)
    raise_open_files()
    gc.disable()  # a collection over thousands of members would show in the latencies
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        answer = runner.run(run(plan))
    answer_path.write_bytes(msgspec.json.encode(answer))


if __name__ == "__main__":
    main()
