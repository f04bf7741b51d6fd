"""`./parley pid NAME`: which process that is, on every stack."""

from pathlib import Path

from deploy.errors import BadInputError, StackError
from deploy.stacks.installed import AnyName, installed, require_own
from deploy.stacks.local import state
from deploy.stacks.local.opened import opened

BESIDE = ("nginx", "redis")
LOCAL = (*BESIDE, "store", "up")


def pid(stack: AnyName, directory: Path | None, env: str | None, name: str, project: Path | None = None) -> int:
    """Give the process; raises BadInputError for a name that is not there, StackError where it does not run now."""
    require_own(stack, directory, env)
    found: int | None
    if stack == "local":
        now = state.read(opened(project, directory)[1])
        pids = {one["name"]: one["pid"] for one in (*now["instances"], *now.get("beside", ()))}
        pids |= {each: now.get(f"{each}_pid") for each in LOCAL}
        known(name, list(pids))
        found = pids[name]
    else:
        one = installed(stack, env, project)
        known(name, [*(instance.name for instance in one.instances()), *BESIDE])
        found = one.pid(name)
    if found is None:
        raise StackError(f"{name} does not run")
    return found


def known(name: str, names: list[str]) -> None:
    """Raise BadInputError for a name that is none of these."""
    if name not in names:
        raise BadInputError(f"{name!r} is not a process of this stack: there are {', '.join(names)}")
