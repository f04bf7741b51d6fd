"""`./parley render nginx`: the same files that a stack's own commands write, written somewhere else."""

from collections.abc import Callable
from pathlib import Path

from deploy import files
from deploy.config import LOCAL, Config, load, stack
from deploy.stacks.compose import rendered as compose
from deploy.stacks.installed import require_own
from deploy.stacks.local import rendered as local
from deploy.stacks.local.layout import Layout
from deploy.stacks.systemd import site as systemd

INSTALLED: dict[str, Callable[[Config], dict[str, str]]] = {"compose": compose.nginx, "systemd": systemd.nginx_files}


def write_nginx(env: str, folder: Path | None, out: Path) -> None:
    """Write nginx's configuration for an environment; `folder` is `up`'s --dir, and no other stack has one."""
    of = stack(env)
    require_own(of, folder, None)
    config = load(env=env)
    files.write_all(out, local.nginx(config, Layout.at(folder)) if of == LOCAL else INSTALLED[of](config))
