"""Certificates that a browser would not take, or that nginx does not serve yet: (certificate, key) as PEM."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from deploy.model.hosts import LOOPBACK
from deploy.stacks import certificate

Pair = tuple[bytes, bytes]
DAY = dt.timedelta(days=1)


def short(folder: Path) -> Pair:
    """Give one of ours that was made almost its lifetime ago."""
    return _made(folder, LOOPBACK, dt.datetime.now(dt.UTC) - certificate.LIFETIME + 7 * DAY)


def ended(folder: Path) -> Pair:
    """Give one of ours that ended yesterday."""
    return _made(folder, LOOPBACK, dt.datetime.now(dt.UTC) - certificate.LIFETIME - DAY)


def another(folder: Path) -> Pair:
    """Give one of ours with another name."""
    return _made(folder, ["elsewhere.example"])


def fresh(folder: Path) -> Pair:
    """Give a new one."""
    return _made(folder, LOOPBACK)


def unknown(left: dt.timedelta = 90 * DAY, *names: str) -> Pair:
    """Give one that an authority made which no system knows, and that has so much left."""
    authority, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.UTC)
    general = x509.SubjectAlternativeName([x509.DNSName(name) for name in names or ("localhost",)])
    built = (
        x509.CertificateBuilder()
        .subject_name(_called("localhost"))
        .issuer_name(_called("An authority of nobody"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY + min(left, 0 * DAY))
        .not_valid_after(now + left)
        .add_extension(general, critical=False)
        .sign(authority, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return built.public_bytes(pem), private


def encrypted(key: bytes) -> bytes:
    """Give the same key, shut with a passphrase."""
    private = serialization.load_pem_private_key(key, password=None)
    shut = serialization.BestAvailableEncryption(b"a passphrase")
    return private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, shut)


def _called(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _made(folder: Path, names: Sequence[str], now: dt.datetime | None = None) -> Pair:
    pair = certificate.Files(folder / "certificate.pem", folder / "key.pem")
    assert certificate.ensure(pair, names, now)
    return pair.certificate.read_bytes(), pair.certificate_key.read_bytes()
