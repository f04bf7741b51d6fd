"""What the processes of the project are told: Parley's variables, and those of [project.env]."""

from collections.abc import Mapping
from urllib.parse import quote

from deploy.model.config import Config
from deploy.stacks.local import secret, store
from deploy.stacks.local.application import Application
from deploy.stacks.local.layout import Layout
from deploy.stacks.local.plan import LOOPBACK_NETWORKS, Plan
from deploy.text import environment, project
from deploy.text.environment import AppSite


def app_site(config: Config, layout: Layout, *, sockets: int, layer: str, release: str) -> AppSite:
    """Return what every process of the app is told; `manage` uses it too."""
    return AppSite(
        tier="production",
        scheme="https",
        port=config.site.public_port,
        secret_key_file=layout.secret_key,
        database_url=config.database.url or f"sqlite:///{quote(str(layout.database))}",
        layer_url=layer,
        static_root=layout.static,
        release=release,
        sockets=sockets,
        edge=f"unix:{layout.edge}",
        unlimited=LOOPBACK_NETWORKS,
    )


def app_environment(plan: Plan, variables: Mapping[str, str], instance: str = "") -> dict[str, str]:
    """Return the whole environment that the app's processes share, or that of an instance."""
    site = app_site(
        plan.config,
        plan.layout,
        sockets=plan.capacity.sockets,
        layer=plan.layer_url,
        release=plan.release,
    )
    told = variables_of(plan.config, plan.layout, site, plan.application, port=plan.store_port, instance=instance)
    return environment.clean(variables) | told


def variables_of(
    config: Config, layout: Layout, site: AppSite, application: Application, *, port: int = 0, instance: str = ""
) -> dict[str, str]:
    """Return the variables that are given to a process; `port` is that of the Redis that keeps."""
    told = environment.app(config, site)
    if application.is_own:
        return told
    values = project.values(
        config, site, told, key=secret.read(layout), media=layout.media, store=store.url(layout, port)
    )
    told["PARLEY_ORIGINS"] = project.origins(config, told["PARLEY_ORIGINS"])
    serving = project.serving(config, is_hashed=application.is_hashed)
    return project.own(config, site, {**values, "instance": instance}) | told | serving | dict(application.variables)
