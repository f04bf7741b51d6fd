"""The self-signed certificate: for localhost and each host, made again when these change or it runs out."""

import datetime as dt
import hashlib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from deploy import files, hosts

LIFETIME = dt.timedelta(days=397)  # browsers refuse certificates of more than 398 days
RENEW_BEFORE = dt.timedelta(days=30)
SOON = dt.timedelta(days=14)  # ours is made again 30 days before, and certbot's too: then nothing renews it
NAME = "Parley on this machine"


class Pair(Protocol):
    """Where a certificate and its key lie."""

    @property
    def certificate(self) -> Path:
        """The certificate, with its chain."""

    @property
    def certificate_key(self) -> Path:
        """Its key."""


@dataclass(frozen=True)
class Files:
    """A pair by its paths."""

    certificate: Path
    certificate_key: Path


def ensure(pair: Pair, names: Sequence[str], now: dt.datetime | None = None) -> bool:
    """Make the certificate for these names unless the one there fits; tell whether one was made."""
    now = now or dt.datetime.now(dt.UTC)
    if fits(pair, names, now):
        return False
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _build(key, names, now)
    files.write(
        pair.certificate_key,
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )
    files.write(pair.certificate, certificate.public_bytes(serialization.Encoding.PEM))
    return True


def is_ours(pair: Pair) -> bool:
    """Tell whether the certificate there was made here; one that cannot be read was not."""
    try:
        return made_here(pair.certificate.read_bytes())
    except (OSError, ValueError):
        return False


def made_here(pem: bytes) -> bool:
    """Tell whether a certificate was made here, or on a machine like this; raises ValueError for what is none."""
    issuer = x509.load_pem_x509_certificate(pem).issuer
    return [name.value for name in issuer.get_attributes_for_oid(NameOID.COMMON_NAME)] == [NAME]


def fingerprint(pair: Pair) -> str:
    """Return the SHA-256 that a browser shows for it."""
    der = ssl.PEM_cert_to_DER_cert(pair.certificate.read_text(encoding="ascii"))
    return hashlib.sha256(der).digest().hex(":").upper()


def fits(pair: Pair, names: Sequence[str], now: dt.datetime | None = None) -> bool:
    """Tell whether the files there are a pair, cover exactly these names, and last."""
    now = now or dt.datetime.now(dt.UTC)
    try:
        certificate = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
        key = serialization.load_pem_private_key(pair.certificate_key.read_bytes(), password=None)
        covered = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    return (
        key.public_key() == certificate.public_key()
        and set(covered) == set(_names(names))
        and certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - RENEW_BEFORE
    )


def _names(names: Sequence[str]) -> list[x509.GeneralName]:
    general: list[x509.GeneralName] = []
    for name in names:
        address = hosts.address(name)
        general.append(x509.DNSName(name) if address is None else x509.IPAddress(address))
    return general


def _build(key: ec.EllipticCurvePrivateKey, names: Sequence[str], now: dt.datetime) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))  # a client's clock may be behind
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName(_names(names)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=False)
        .sign(key, hashes.SHA256())
    )
