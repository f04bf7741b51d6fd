"""What `up` says when the stack is ready. Pure."""

import shlex
from collections.abc import Iterator

from deploy.stacks import certificate
from deploy.stacks.local.binaries import NoRedis
from deploy.stacks.local.layout import Layout
from deploy.stacks.local.plan import Plan

WITHOUT_REDIS = "messages between instances arrive by polling the database, up to 0.25 s late"


def ready(plan: Plan) -> Iterator[str]:
    """Say where to go, what to expect there, and what to do next."""
    site = plan.config.site
    options = _options(plan)
    if site.has_tls and not site.public:
        yield f"ready: {site.origin('localhost')}/"
        for name in site.names:
            yield f"       {site.origin(name)}/"
    else:
        way = f"{'https' if site.has_tls else 'plain HTTP'} on port {site.port}"
        yield f"ready: {' '.join(f'{site.origin(name)}/' for name in site.names)}, by a proxy that speaks {way}"
    size = plan.capacity
    yield f"{' and '.join(plan.names)}: {size.sockets} sockets each (open files: {size.open_files})"
    if isinstance(plan.redis, NoRedis) and plan.config.brings_redis:
        yield f"without Redis: {plan.redis.reason}"
        yield WITHOUT_REDIS if plan.config.is_own else "sockets of different instances do not hear each other"
    yield f"make an admin: ./parley manage{options} createsuperuser"
    if not site.has_tls:
        yield f"served to {', '.join(site.trusted_proxies)} and this machine alone"
    elif certificate.is_ours(plan.layout):
        yield "the browser will warn once about the self-signed certificate; its SHA-256 is"
        yield certificate.fingerprint(plan.layout)
    else:
        yield f"certificate: your own, {plan.layout.certificate}"
    yield "Ctrl-C stops everything"


def _options(plan: Plan) -> str:
    """Write the options by which another command finds this stack."""
    own, folder = plan.config.is_own, plan.layout.dir
    project = "" if own else f" --project {shlex.quote(str(plan.config.folder))}"
    return project if folder == Layout.of(plan.config, None).dir else f"{project} --dir {shlex.quote(str(folder))}"
