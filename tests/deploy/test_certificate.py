"""The self-signed certificate: kept while it fits, made again when it does not, and accepted by a TLS client."""

import datetime as dt
from pathlib import Path

import pytest
from cryptography import x509

from deploy.stacks import certificate
from deploy.stacks.local.layout import Layout

NAMES = ["localhost", "127.0.0.1", "::1", "chat.lan"]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """An empty stack folder."""
    layout = Layout(tmp_path)
    layout.make()
    return layout


def test_it_covers_every_name_and_is_private(layout: Layout) -> None:
    """Addresses are written as addresses: a browser does not match them against names."""
    assert certificate.ensure(layout, NAMES)
    made = x509.load_pem_x509_certificate(layout.certificate.read_bytes())
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "chat.lan"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    assert layout.certificate_key.stat().st_mode & 0o777 == 0o600
    assert made.not_valid_after_utc - made.not_valid_before_utc <= dt.timedelta(days=398)


def test_it_is_kept_while_it_fits(layout: Layout) -> None:
    """A new one would ask everybody to accept it again."""
    certificate.ensure(layout, NAMES)
    before = certificate.fingerprint(layout)
    assert not certificate.ensure(layout, NAMES)
    assert certificate.fingerprint(layout) == before


def test_it_is_made_again_for_other_names(layout: Layout) -> None:
    """One more, or one fewer."""
    certificate.ensure(layout, NAMES)
    assert certificate.ensure(layout, NAMES[:-1])
    assert certificate.ensure(layout, NAMES)


def test_it_is_made_again_before_it_runs_out(layout: Layout) -> None:
    """Thirty days before, so that a stack that is restarted monthly never shows an expired one."""
    now = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
    certificate.ensure(layout, NAMES, now)
    assert not certificate.ensure(layout, NAMES, now + dt.timedelta(days=366))
    assert certificate.ensure(layout, NAMES, now + dt.timedelta(days=368))


def test_it_is_made_again_when_the_pair_is_torn(layout: Layout) -> None:
    """Half of a pair, or the half of another, is no pair."""
    certificate.ensure(layout, NAMES)
    other = layout.certificate_key.read_bytes()
    layout.certificate.unlink()
    assert certificate.ensure(layout, NAMES)
    layout.certificate_key.write_bytes(other)
    assert certificate.ensure(layout, NAMES)
    layout.certificate.write_text("not a certificate")
    assert certificate.ensure(layout, NAMES)
