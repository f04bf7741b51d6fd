"""What `up` would run with, as text: for `./parley render nginx` and `./parley check`."""

from pathlib import Path

from deploy.model import listening, rules
from deploy.model.capacity import Capacity, capacity
from deploy.model.config import Config
from deploy.model.hosts import in_url
from deploy.model.release import release
from deploy.stacks.local import application, binaries, limits, plan, told
from deploy.stacks.local.layout import Layout
from deploy.text import render
from deploy.text.readback import AppFacts, Facts, NginxFacts
from deploy.text.render import RESOLVES_SINCE

ANY_NGINX = binaries.Nginx(Path("nginx"), RESOLVES_SINCE)


def nginx(config: Config, layout: Layout) -> dict[str, str]:
    """Return nginx's configuration for the stack in layout; raise BadInputError for a rule that does not hold."""
    size = capacity(config, limits.open_files())
    rules.require(config, size)
    return render.nginx(config, plan.nginx_site(planned(config, layout, size, binaries.nginx())))


def read(config: Config, size: Capacity) -> Facts:
    """Render for any nginx, and read it back. The app's side is no text here, but what a process is started with."""
    found = planned(config, Layout.of(config, None), size, ANY_NGINX)
    service = plan.instance_service(found, found.names[0], told.app_environment(found, {}))
    return Facts(
        app=AppFacts(service.env, int(service.grace), size.open_files),
        nginx=NginxFacts.of(render.nginx(config, plan.nginx_site(found))),
    )


def planned(config: Config, layout: Layout, size: Capacity, nginx: binaries.Nginx) -> plan.Plan:
    """Return what `up` would plan on this machine, without looking for Redis or at ports."""

    def listen(port: int) -> tuple[str, ...]:
        return tuple(f"{in_url(address)}:{port}" for address in listening.wanted(config) if port)

    return plan.Plan(
        config=config,
        layout=layout,
        capacity=size,
        nginx=nginx,
        redis=binaries.NoRedis("not looked for"),
        listen=listen(config.site.port),
        http_listen=listen(config.site.redirect_port),
        proxied_listen=listen(config.site.proxy_port),
        metrics_ports=tuple(range(config.app.metrics_port, config.app.metrics_port + config.app.instances)),
        release=release(),
        application=application.of(config, layout),
    )
