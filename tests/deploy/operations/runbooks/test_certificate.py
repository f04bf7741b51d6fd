"""docs/runbooks/certificate.md, on a stack whose certificate has seven days left.

The page's own commands bring that one too: as a pair from elsewhere, which is then made anew by the machine itself.
"""

import ssl
import time
from pathlib import Path

import pytest

from deploy.effects.client.address import Address
from tests.deploy.operations.doctor import certificates
from tests.deploy.operations.runbooks.book import Book
from tests.deploy.stacks.compose.stack import RunningCompose
from tests.deploy.stacks.systemd.host import Installed
from tests.waiting import PATIENCE

POLL = 0.1


def until_served(address: Address, pair: certificates.Pair) -> None:
    """Wait until nginx shows this certificate."""
    wanted, deadline = ssl.PEM_cert_to_DER_cert(pair[0].decode()), time.monotonic() + PATIENCE
    where = address.via or ("127.0.0.1", address.port)
    while ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(where, timeout=5)) != wanted:
        assert time.monotonic() < deadline, "nginx shows another certificate"
        time.sleep(POLL)


def refused(book: Book, on: RunningCompose | Installed, folder: Path, new: str) -> None:
    """See that a key which is another certificate's goes nowhere."""
    key = folder / "key.pem"
    right = key.read_bytes()
    key.write_bytes(certificates.unknown()[1])
    status, output = book.tried("Mitigation", on, SITE="none", NEW=new)
    assert status == 1, output
    assert "certificate: Mitigation: ended with 1" in output
    key.write_bytes(right)


@pytest.mark.release
@pytest.mark.docker
@pytest.mark.runbook("certificate", "compose")
def test_a_project(book: Book, compose: RunningCompose, tmp_path: Path) -> None:
    """nginx finds out by itself that the files are others."""
    site = f"localhost:{compose.address.port}"
    short = certificates.short(tmp_path)
    refused(book, compose, tmp_path, str(tmp_path))
    try:
        book.play("Mitigation", compose, SITE=site, NEW=str(tmp_path))
        until_served(compose.address, short)
        said = book.play("Diagnosis", compose, SITE=site, NEW="none")
        assert "Parley on this machine" in said
    finally:
        book.play("Mitigation", compose, SITE=site, NEW="none")
    book.play("Verification", compose, SITE=site, NEW="none")


@pytest.mark.systemd
@pytest.mark.runbook("certificate", "systemd")
def test_a_host(book: Book, systemd: Installed) -> None:
    """A reload, and `install` does one too."""
    new = "/root/new"
    folder = systemd.host.path(new)
    folder.mkdir(exist_ok=True)
    short = certificates.short(folder)
    refused(book, systemd, folder, new)
    try:
        book.play("Mitigation", systemd, SITE="localhost:443", NEW=new)
        until_served(systemd.address, short)
        said = book.play("Diagnosis", systemd, SITE="localhost:443", NEW="none")
        assert "Parley on this machine" in said
    finally:
        book.play("Mitigation", systemd, SITE="localhost:443", NEW="none")
        systemd.host.run("rm", "-r", new)
    book.play("Verification", systemd, SITE="localhost:443", NEW="none")
