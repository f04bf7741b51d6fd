"""The probe's alerts, fired by certificates that a real nginx shows."""

import os
import shutil
import signal
from pathlib import Path

import pytest

from deploy.stacks.local.layout import Layout
from tests.doctor import certificates
from tests.prometheus.server import prometheus
from tests.running import RunningStack, running_stack
from tests.watch.running import watching

pytestmark = pytest.mark.stack


def serve(stack: RunningStack, pair: certificates.Pair) -> None:
    """Put a certificate in the place of the stack's, and have nginx read it."""
    layout = Layout.at(stack.directory)
    for place, content in zip((layout.certificate, layout.certificate_key), pair, strict=True):
        place.write_bytes(content)
    os.kill(stack.state["nginx_pid"], signal.SIGHUP)


def test_a_certificate_that_nobody_renews(tmp_path: Path) -> None:
    """A week before its end somebody is told; once it has ended nobody gets in, and somebody is woken."""
    if shutil.which("prometheus") is None:
        pytest.skip("no prometheus")
    folders = [tmp_path / name for name in ("short", "ended", "fresh")]
    for folder in folders:
        folder.mkdir()
    short, ended, fresh = folders
    with (
        running_stack(tmp_path / "up") as stack,
        watching(stack, 1),
        prometheus(stack, tmp_path / "prometheus") as server,
    ):
        server.until(quiet=True)
        serve(stack, certificates.short(short))
        server.until(("ParleyCertificateExpires", "probe"))
        assert ("ParleyProbeFails", "probe") not in server.firing()
        serve(stack, certificates.ended(ended))
        server.until(("ParleyCertificateExpires", "probe"), ("ParleyProbeFails", "probe"))
        serve(stack, certificates.fresh(fresh))
        server.until(quiet=True)
