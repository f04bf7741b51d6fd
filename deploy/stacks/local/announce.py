"""What `up` says when the stack is ready. Pure."""

import shlex
from collections.abc import Iterator

from deploy.model.hosts import origin
from deploy.stacks import certificate
from deploy.stacks.local.binaries import NoRedis
from deploy.stacks.local.layout import Layout
from deploy.stacks.local.plan import Plan

WITHOUT_REDIS = "messages between instances arrive by polling the database, up to 0.25 s late"


def ready(plan: Plan) -> Iterator[str]:
    """Say where to go, what to expect there, and what to do next."""
    port = plan.config.site.port
    options = _options(plan)
    yield f"ready: {origin('localhost', port)}/"
    for name in plan.config.site.hosts:
        yield f"       {origin(name, port)}/"
    size = plan.capacity
    yield f"{' and '.join(plan.names)}: {size.sockets} sockets each (open files: {size.open_files})"
    if isinstance(plan.redis, NoRedis) and plan.config.brings_redis:
        yield f"without Redis: {plan.redis.reason}"
        yield WITHOUT_REDIS if plan.config.is_own else "sockets of different instances do not hear each other"
    yield f"make an admin: ./parley manage{options} createsuperuser"
    if certificate.is_ours(plan.layout):
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
