"""The self-signed certificate of `up`: for localhost and each host, made again when these change or it runs out."""

import datetime as dt
import hashlib
import ssl
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from deploy import files, hosts
from deploy.stacks.local.layout import Layout

LIFETIME = dt.timedelta(days=397)  # browsers refuse certificates of more than 398 days
RENEW_BEFORE = dt.timedelta(days=30)


def ensure(layout: Layout, names: Sequence[str], now: dt.datetime | None = None) -> bool:
    """Make the certificate for these names unless the one there fits; tell whether one was made."""
    now = now or dt.datetime.now(dt.UTC)
    if _fits(layout, names, now):
        return False
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _build(key, names, now)
    files.write(
        layout.certificate_key,
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )
    files.write(layout.certificate, certificate.public_bytes(serialization.Encoding.PEM))
    return True


def fingerprint(layout: Layout) -> str:
    """Return the SHA-256 that a browser shows for it."""
    der = ssl.PEM_cert_to_DER_cert(layout.certificate.read_text(encoding="ascii"))
    return hashlib.sha256(der).digest().hex(":").upper()


def _names(names: Sequence[str]) -> list[x509.GeneralName]:
    general: list[x509.GeneralName] = []
    for name in names:
        address = hosts.address(name)
        general.append(x509.DNSName(name) if address is None else x509.IPAddress(address))
    return general


def _build(key: ec.EllipticCurvePrivateKey, names: Sequence[str], now: dt.datetime) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Parley on this machine")])
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


def _fits(layout: Layout, names: Sequence[str], now: dt.datetime) -> bool:
    """Tell whether the files there are a pair, cover exactly these names, and last."""
    try:
        certificate = x509.load_pem_x509_certificate(layout.certificate.read_bytes())
        key = serialization.load_pem_private_key(layout.certificate_key.read_bytes(), password=None)
        covered = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    return (
        key.public_key() == certificate.public_key()
        and set(covered) == set(_names(names))
        and certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - RENEW_BEFORE
    )
