"""What `up` says when the stack is ready. Pure."""

import shlex
from collections.abc import Iterator

from deploy.hosts import origin
from deploy.stacks import certificate
from deploy.stacks.local import layout
from deploy.stacks.local.binaries import NoRedis
from deploy.stacks.local.plan import Plan


def ready(plan: Plan) -> Iterator[str]:
    """Say where to go, what to expect there, and what to do next."""
    port = plan.config.site.port
    folder = "" if plan.layout.dir == layout.DEFAULT else f" --dir {shlex.quote(str(plan.layout.dir))}"
    yield f"ready: {origin('localhost', port)}/"
    for name in plan.config.site.hosts:
        yield f"       {origin(name, port)}/"
    size = plan.capacity
    yield f"{' and '.join(plan.names)}: {size.sockets} sockets each (open files: {size.open_files})"
    if isinstance(plan.redis, NoRedis) and plan.config.brings_redis:
        yield f"without Redis: {plan.redis.reason}"
        yield "messages between instances arrive by polling the database, up to 0.25 s late"
    yield f"make an admin: ./parley manage{folder} createsuperuser"
    if certificate.is_ours(plan.layout):
        yield "the browser will warn once about the self-signed certificate; its SHA-256 is"
        yield certificate.fingerprint(plan.layout)
    else:
        yield f"certificate: your own, {plan.layout.certificate}"
    yield "Ctrl-C stops everything"
