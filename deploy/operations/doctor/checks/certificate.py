"""What a browser is shown, and what lies on the disk."""

import asyncio
import datetime as dt
import ssl

from cryptography import x509
from cryptography.x509 import DNSName, IPAddress

from deploy.model import renewal
from deploy.operations.doctor.check import Check, NotApplicable, require
from deploy.operations.doctor.target import Target
from deploy.stacks import certificate

SECONDS = 5.0
ELSEWHERE = 'site.tls is "none": the proxy in front has the certificate'


async def _served(target: Target, trust: ssl.SSLContext | None = None) -> x509.Certificate:
    """Shake hands as a browser does and give the certificate; trusts whatever comes unless told otherwise."""
    if not target.config.site.has_tls:
        raise NotApplicable(ELSEWHERE)
    address = target.adapter.address
    host, port = address.dialled
    if trust is None:
        trust = ssl.create_default_context()
        trust.check_hostname = False
        trust.verify_mode = ssl.CERT_NONE
    async with asyncio.timeout(SECONDS):
        _, writer = await asyncio.open_connection(host, port, ssl=trust, server_hostname=address.hostname)
    try:
        der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.transport.abort()
    return x509.load_der_x509_certificate(der)


def _on_disk(target: Target) -> x509.Certificate:
    return x509.load_pem_x509_certificate(target.adapter.certificate())


async def lasts(target: Target) -> str:
    """Read the dates of the one that is served."""
    found = await _served(target)
    now = dt.datetime.now(dt.UTC)
    require(found.not_valid_before_utc <= now, f"not valid before {found.not_valid_before_utc:%Y-%m-%d}")
    left = found.not_valid_after_utc - now
    soon = renewal.soon(certificate.lifetime(found))
    require(left > soon, f"expires on {found.not_valid_after_utc:%Y-%m-%d}, in {left.days} days")
    return f"until {found.not_valid_after_utc:%Y-%m-%d}"


async def names(target: Target) -> str:
    """Compare its names with the site's; a wildcard covers one label."""
    found = (await _served(target)).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    covered = {str(one) for kind in (DNSName, IPAddress) for one in found.get_values_for_type(kind)}
    wanted = target.config.site.names or (target.adapter.address.hostname,)
    lacking = [one for one in wanted if not {one, f"*.{one.partition('.')[2]}"} & covered]
    require(not lacking, f"{', '.join(lacking)} is not among {', '.join(sorted(covered))}")
    return ", ".join(wanted)


async def same(target: Target) -> str:
    """Compare the one that is served with the one on the disk."""
    served, there = await _served(target), _on_disk(target)
    require(
        served == there,
        f"nginx serves the certificate that expires at {served.not_valid_after_utc:%Y-%m-%d %H:%M}, not the file's",
    )
    return "the one on the disk"


async def chain(target: Target) -> str:
    """Verify it as a browser does; one that this machine made vouches for itself."""
    pem = target.adapter.certificate()
    own = certificate.made_here(pem)
    trust = ssl.create_default_context(cadata=pem.decode() if own else None)
    trust.check_hostname = False  # another check's
    await _served(target, trust)
    return "made by this machine, and complete" if own else "an authority vouches for it"


RENEW = (
    "renew it (certbot, or remove it and its key and start again for one that this machine makes), then reload nginx"
)
CHECKS = (
    Check(
        "certificate-lasts",
        f"the certificate is valid now and for more than {renewal.SOON.days} days, or a third of a short lifetime",
        "reads the certificate that nginx serves",
        RENEW,
        "docs/runbooks/certificate.md",
        lasts,
        ("edge-answers",),
    ),
    Check(
        "certificate-names-the-site",
        "the certificate has the names that people open",
        "reads the certificate that nginx serves",
        "get a certificate for all names of site.hosts",
        "docs/runbooks/certificate.md",
        names,
        ("edge-answers",),
    ),
    Check(
        "certificate-is-the-files",
        "nginx serves the certificate that is on the disk",
        "compares the two",
        "reload nginx: it reads the file only then; where it keeps the old one, its log says what is wrong",
        "docs/runbooks/certificate.md",
        same,
        ("edge-answers",),
    ),
    Check(
        "certificate-is-vouched-for",
        "the certificate and its chain can be verified",
        "verifies it with the system's authorities; a self-signed one with its own file",
        "put the whole chain into the file, the site's own certificate first",
        "docs/runbooks/certificate.md",
        chain,
        ("certificate-lasts", "certificate-is-the-files"),
    ),
)
