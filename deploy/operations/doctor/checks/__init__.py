"""The registry: every check that the doctor knows, in the order in which it looks."""

from deploy.operations.doctor.checks import (
    certificate,
    edge,
    files,
    host,
    instances,
    layer,
    model,
    names,
    running,
    socket,
)

CHECKS = (
    *model.CHECKS,
    *running.CHECKS,
    *host.CHECKS,
    *instances.CHECKS,
    *files.CHECKS,
    *layer.CHECKS,
    *edge.CHECKS,
    *names.CHECKS,
    *certificate.CHECKS,
    *socket.CHECKS,
)
