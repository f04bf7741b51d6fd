"""The self-signed certificate: for localhost and each host, made again when these change or it runs out.

Only what was made here is ever replaced. A certificate tells that by its issuer's name, a key by being the key of such
a certificate. That is why a new certificate keeps the key: at no moment do two files lie there that are no pair.
"""

import datetime as dt
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol, cast

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes, PrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from deploy.effects import files
from deploy.errors import BadInputError
from deploy.model import hosts

LIFETIME = dt.timedelta(days=397)  # browsers refuse certificates of more than 398 days
RENEW_BEFORE = dt.timedelta(days=30)
NAME = "Parley on this machine"
ADVICE = "put both there, or remove both to have a self-signed one made"
DECRYPT = "`openssl pkey -in key.pem -out plain.pem` writes one that is not"


class Whose(Enum):
    """What a folder holds."""

    NOBODYS = "nothing"
    OURS = "made here"
    THEIRS = "somebody else's"


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


def lifetime(certificate: x509.Certificate) -> dt.timedelta:
    """Tell for how long it is valid in all."""
    return certificate.not_valid_after_utc - certificate.not_valid_before_utc


def ensure(pair: Pair, names: Sequence[str], now: dt.datetime | None = None) -> bool:
    """Make the certificate for these names unless the one there fits, or is not ours; tell whether one was made.

    Raises BadInputError for what `look` refuses, with nothing touched.
    """
    now = now or dt.datetime.now(dt.UTC)
    if look(pair, now) is Whose.THEIRS or fits(pair, names, now):
        return False
    key = _key(pair.certificate_key) if pair.certificate_key.exists() else None
    made = key or ec.generate_private_key(ec.SECP256R1())
    # The certificate first: whoever is killed in between leaves one of ours without its key, which is made again.
    files.write(pair.certificate, _build(made, names, now).public_bytes(serialization.Encoding.PEM))
    if key is None:
        pem = serialization.Encoding.PEM
        none = serialization.NoEncryption()
        files.write(pair.certificate_key, made.private_bytes(pem, serialization.PrivateFormat.PKCS8, none))
    return True


def look(pair: Pair, now: dt.datetime | None = None, *, ended: bool = False) -> Whose:
    """Tell whose pair lies there.

    Raises BadInputError, which names the file, for what nginx could not serve and we may not replace; unless `ended` is
    allowed, for a certificate that has ended too.
    """
    here, key = pair.certificate, pair.certificate_key
    lacking = [path for path in (here, key) if not _is_there(path)]
    if lacking == [here, key]:
        return Whose.NOBODYS
    if here in lacking:
        raise BadInputError(f"{key} is there without {here.name}: {ADVICE}")
    certificate = _certificate(here)
    ours = _is_ours(certificate)
    if lacking and ours:
        return Whose.OURS
    if lacking:
        raise BadInputError(f"{here} is there without {key.name}: {ADVICE}")
    if _key(key).public_key() != certificate.public_key():
        raise BadInputError(f"{key} is not the key of {here.name}: {ADVICE}")
    if not (ours or ended) and certificate.not_valid_after_utc <= (now or dt.datetime.now(dt.UTC)):
        raise BadInputError(f"{here} ended on {certificate.not_valid_after_utc:%Y-%m-%d}: {ADVICE}")
    return Whose.OURS if ours else Whose.THEIRS


def is_ours(pair: Pair) -> bool:
    """Tell whether the certificate there was made here; one that cannot be read was not."""
    try:
        return made_here(pair.certificate.read_bytes())
    except (OSError, ValueError):
        return False


def made_here(pem: bytes) -> bool:
    """Tell whether a certificate was made here, or on a machine like this; raises ValueError for what is none."""
    return _is_ours(x509.load_pem_x509_certificate(pem))


def is_an_authoritys(pem: bytes) -> bool:
    """Tell whether somebody else signed a certificate; raises ValueError for what is none."""
    certificate = x509.load_pem_x509_certificate(pem)
    return certificate.issuer != certificate.subject


def der(pair: Pair) -> bytes:
    """Return the certificate as it is shown, without its chain."""
    return x509.load_pem_x509_certificate(pair.certificate.read_bytes()).public_bytes(serialization.Encoding.DER)


def fingerprint(pair: Pair) -> str:
    """Return the SHA-256 that a browser shows for it."""
    return hashlib.sha256(der(pair)).digest().hex(":").upper()


def fits(pair: Pair, names: Sequence[str], now: dt.datetime | None = None) -> bool:
    """Tell whether the files there are a pair, cover exactly these names, and last."""
    now = now or dt.datetime.now(dt.UTC)
    try:
        certificate = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
        key = serialization.load_pem_private_key(pair.certificate_key.read_bytes(), password=None)
        covered = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm, x509.ExtensionNotFound):
        return False
    return (
        key.public_key() == certificate.public_key()
        and set(covered) == set(_names(names))
        and certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - RENEW_BEFORE
    )


def _is_there(path: Path) -> bool:
    """Tell whether there is anything by this name; raises BadInputError for what cannot be reached."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror}") from None
    if path.is_symlink() and not path.exists():
        raise BadInputError(f"{path} is a link to {os.readlink(path)}, which is not there: {ADVICE}")  # noqa: PTH115
    return True


def _certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(_read(path))
    except ValueError:
        raise BadInputError(f"{path} is not a certificate in PEM: {ADVICE}") from None


def _key(path: Path) -> CertificateIssuerPrivateKeyTypes:
    """Read a key; raises BadInputError for what nginx could not read by itself."""
    try:
        key: PrivateKeyTypes = serialization.load_pem_private_key(_read(path), password=None)
    except TypeError:
        raise BadInputError(f"{path} is encrypted, and nobody is there to be asked: {DECRYPT}") from None
    except (ValueError, UnsupportedAlgorithm):
        raise BadInputError(f"{path} is not a private key in PEM: {ADVICE}") from None
    return cast("CertificateIssuerPrivateKeyTypes", key)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInputError(f"{path} cannot be read: {error.strerror}") from None


def _is_ours(certificate: x509.Certificate) -> bool:
    """Tell it by the issuer, which is nobody else's name."""
    return [one.value for one in certificate.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)] == [NAME]


def _names(names: Sequence[str]) -> list[x509.GeneralName]:
    general: list[x509.GeneralName] = []
    for name in names:
        address = hosts.address(name)
        general.append(x509.DNSName(name) if address is None else x509.IPAddress(address))
    return general


def _build(key: CertificateIssuerPrivateKeyTypes, names: Sequence[str], now: dt.datetime) -> x509.Certificate:
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
