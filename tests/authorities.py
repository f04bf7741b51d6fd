"""An authority of a company's own, and a server's certificate by it."""

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = dt.timedelta(days=1)
PEM = serialization.Encoding.PEM


@dataclass(frozen=True)
class Authority:
    """Its own certificate, and a pair for 127.0.0.1, as files."""

    ca_file: Path
    certificate: Path
    key: Path


def made(folder: Path) -> Authority:
    """Make them."""
    folder.mkdir(parents=True, exist_ok=True)
    authority, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    own = _begun("An authority of the company", "An authority of the company", authority.public_key())
    own = own.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    pair = _begun("redis", "An authority of the company", key.public_key())
    loopback = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    pair = pair.add_extension(loopback, critical=False)
    found = Authority(folder / "ca.pem", folder / "redis.pem", folder / "redis.key")
    found.ca_file.write_bytes(own.sign(authority, hashes.SHA256()).public_bytes(PEM))
    found.certificate.write_bytes(pair.sign(authority, hashes.SHA256()).public_bytes(PEM))
    found.key.write_bytes(key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return found


def _begun(subject: str, issuer: str, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_called(subject))
        .issuer_name(_called(issuer))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + 30 * DAY)
    )


def _called(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
