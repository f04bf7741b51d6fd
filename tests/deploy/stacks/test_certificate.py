"""The self-signed certificate: kept while it fits, made again when it does not, and accepted by a TLS client."""

import datetime as dt
from pathlib import Path

import pytest
from cryptography import x509

from deploy.effects import files
from deploy.errors import BadInputError
from deploy.model import renewal
from deploy.stacks import certificate
from deploy.stacks.local.layout import Layout
from tests.deploy.operations.doctor import certificates

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


def test_it_is_made_again_when_its_key_is_gone(layout: Layout) -> None:
    """Nobody's key was ever there: a kill in the middle leaves just this."""
    certificate.ensure(layout, NAMES)
    layout.certificate_key.unlink()
    assert certificate.ensure(layout, NAMES)
    assert certificate.fits(layout, NAMES)


def test_a_new_one_keeps_its_key(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that there is no moment in which the two files are no pair, whenever it is killed."""
    certificate.ensure(layout, NAMES)
    key, written = layout.certificate_key.read_bytes(), list[Path]()
    write = files.write

    def noted(path: Path, content: str | bytes) -> None:
        written.append(path)
        write(path, content)

    monkeypatch.setattr(files, "write", noted)
    assert certificate.ensure(layout, NAMES[:-1])
    assert written == [layout.certificate]
    assert layout.certificate_key.read_bytes() == key
    assert certificate.fits(layout, NAMES[:-1])


def lay(layout: Layout, first: bytes | None, key: bytes | None) -> None:
    """Put files there, as somebody does by hand."""
    for path, data in ((layout.certificate, first), (layout.certificate_key, key)):
        path.unlink(missing_ok=True)
        if data is not None:
            path.write_bytes(data)


def content(layout: Layout) -> dict[str, bytes | str]:
    """Give what lies there, links as where they lead."""
    folder = layout.certificate.parent
    return {one.name: str(one.readlink()) if one.is_symlink() else one.read_bytes() for one in folder.iterdir()}


def test_somebody_elses_is_left_as_it_is(layout: Layout) -> None:
    """Whatever its names are, and however short its life: `up` overwrote one of six days."""
    lay(layout, *certificates.unknown(dt.timedelta(days=6)))
    before = content(layout)
    assert not certificate.ensure(layout, NAMES)
    assert certificate.look(layout) is certificate.Whose.THEIRS
    assert content(layout) == before


def refused(layout: Layout) -> str:
    """See that it is refused and nothing is touched, and give the line."""
    before = content(layout)
    with pytest.raises(BadInputError) as error:
        certificate.ensure(layout, NAMES)
    assert content(layout) == before
    assert "\n" not in str(error.value)
    return str(error.value)


def test_what_cannot_be_served_and_is_not_ours_is_named(layout: Layout) -> None:
    """Half of a pair, the half of another, one that has ended, and what is no certificate or no key."""
    first, key = certificates.unknown()
    other = certificates.unknown()[1]
    here, there = layout.certificate, layout.certificate_key
    lay(layout, None, key)
    assert refused(layout).startswith(f"{there} is there without certificate.pem: ")
    lay(layout, first, None)
    assert refused(layout).startswith(f"{here} is there without key.pem: ")
    lay(layout, first, other)
    assert refused(layout).startswith(f"{there} is not the key of certificate.pem: ")
    lay(layout, b"not a certificate", key)
    assert refused(layout).startswith(f"{here} is not a certificate in PEM: ")
    lay(layout, first, b"")
    assert refused(layout).startswith(f"{there} is not a private key in PEM: ")
    lay(layout, first, certificates.encrypted(key))
    assert refused(layout).startswith(f"{there} is encrypted, and nobody is there to be asked: ")
    lay(layout, *certificates.unknown(dt.timedelta(days=-1)))
    assert refused(layout).startswith(f"{here} ended on ")
    assert certificate.look(layout, ended=True) is certificate.Whose.THEIRS


def test_a_key_that_was_put_beside_ours_is_somebodys(layout: Layout) -> None:
    """Who brings his own pair brings the key first, or forgot the certificate."""
    certificate.ensure(layout, NAMES)
    layout.certificate_key.write_bytes(certificates.unknown()[1])
    assert refused(layout).startswith(f"{layout.certificate_key} is not the key of certificate.pem: ")


@pytest.mark.parametrize("name", ["certificate.pem", "key.pem"])
def test_a_link_that_leads_nowhere_is_somebodys(layout: Layout, name: str) -> None:
    """As certbot's do in a container that has the folder alone."""
    lay(layout, *certificates.unknown())
    link = layout.certificate.with_name(name)
    link.unlink()
    link.symlink_to("../../archive/it.pem")
    assert refused(layout).startswith(f"{link} is a link to ../../archive/it.pem, which is not there: ")


@pytest.mark.parametrize(("days", "left"), [(397, 14), (90, 14), (6, 2)])
def test_soon_is_a_part_of_a_short_life(days: int, left: int) -> None:
    """certbot renews one of 90 days when 30 are left, and one of six when three are: until then nothing is wrong."""
    assert renewal.soon(dt.timedelta(days=days)) == dt.timedelta(days=left)
