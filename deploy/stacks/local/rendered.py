"""`./parley render nginx`: what `up` would write, written somewhere else."""

from pathlib import Path

from deploy import files, render, rules
from deploy.capacity import capacity
from deploy.config import Config
from deploy.hosts import in_url
from deploy.release import release
from deploy.stacks.local import binaries, limits, plan, ports
from deploy.stacks.local.layout import Layout


def write_nginx(config: Config, layout: Layout, out: Path) -> None:
    """Write nginx's configuration for the stack in layout to the folder out."""
    size = capacity(config, limits.open_files())
    rules.require(config, size)
    addresses = ports.wanted(config)
    found = plan.Plan(
        config=config,
        layout=layout,
        capacity=size,
        nginx=binaries.nginx(),
        redis=binaries.NoRedis("not looked for"),
        listen=tuple(f"{in_url(address)}:{config.site.port}" for address in addresses),
        metrics_ports=(),
        release=release(),
    )
    files.write_all(out, render.nginx(config, plan.nginx_site(found)))
