"""The certificate in the volume `tls`, or in the folder that PARLEY_TLS names: ours, an authority's, or the operator's.

Who sets PARLEY_TLS has a pair of his own, and none is made in its place; the profile `acme` fills what it is given.
"""

import filecmp
import os
from collections.abc import Mapping

from deploy.effects import files
from deploy.errors import BadInputError
from deploy.model.config import Config
from deploy.model.hosts import LOOPBACK
from deploy.stacks import certificate
from deploy.stacks.certificate import Whose
from deploy.stacks.compose import secrets
from deploy.text.compose import places

FOLDER = "PARLEY_TLS"
PROFILES = "COMPOSE_PROFILES"
ADVICE = f"certificate.pem (with its chain) and key.pem should be there, readable by user {places.USER}"
STAYS = "nginx stays with what it served before"


def check(given: Mapping[str, str], config: Config) -> tuple[Whose | None, str]:
    """Tell whose pair is there, and what is wrong with it; None: nothing can be made of it.

    Raises BadInputError, in the operator's own words, for what is wrong while nothing is served yet. Once something is,
    the site goes on with it: Compose has replaced its containers already, and a warning in the browser is better than
    no site. One that has ended is served as it is; in the place of any other nginx stays with its copy (edge.sh).
    """
    folder, profiles = given.get(FOLDER, "").strip(), given.get(PROFILES, "").replace(",", " ").split()
    own, acme = bool(folder), bool({"acme", "*"} & set(profiles))
    if "acme" in profiles and not config.site.has_tls:
        raise BadInputError('COMPOSE_PROFILES: acme: site.tls is "none": the proxy in front has the certificate')
    try:
        return _whose(own=own, acme=acme), ""
    except (PermissionError, BadInputError) as error:
        words = _words(error, folder)
    if not _serves():
        raise BadInputError(words)
    try:
        return _whose(own=own, acme=acme, ended=True), f"{words}; it is still served"
    except (PermissionError, BadInputError):
        return None, f"{words}; {STAYS}"


def ensure(whose: Whose, config: Config) -> str:
    """Make a certificate unless somebody else's is there, and say which one there is."""
    pair, names = _pair(), [*LOOPBACK, *config.site.names]
    if whose is not Whose.THEIRS and not certificate.fits(pair, names) and not os.access(places.TLS, os.W_OK):
        words = f"{places.TLS}: user {places.USER} cannot make a certificate there"
        if not _serves():
            raise BadInputError(words)
        return f"warning: {words}; {STAYS}"
    files.remove(places.OWN)
    if whose is Whose.THEIRS:
        return f"certificate: the one in {places.TLS}"
    made = certificate.ensure(pair, names)
    files.write(places.OWN, pair.certificate.read_bytes(), secrets.READABLE)
    files.make_folder(places.OURS)
    for path in (pair.certificate_key, pair.certificate):
        files.write(places.OURS / path.name, path.read_bytes())
    return f"certificate: self-signed{', made now' if made else ''}"


def _serves() -> bool:
    """Tell whether nginx has accepted a pair before: its copy outlives the containers."""
    return all((places.SERVED_TLS / path.name).exists() for path in (places.CERTIFICATE, places.CERTIFICATE_KEY))


def _words(error: Exception, folder: str) -> str:
    """Say it in the operator's own words: the container calls his folder otherwise."""
    words = f"{error.filename} cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error)
    words = words.replace("Permission denied", f"user {places.USER} may not")
    if not folder:
        return f"the volume tls: {words}"
    words = words.replace(str(places.TLS), folder).replace(certificate.ADVICE, ADVICE)
    return f".env: {FOLDER}: {words}"


def _whose(*, own: bool, acme: bool, ended: bool = False) -> Whose:
    if acme:
        if own:
            _require_acmes_own()
        try:
            return certificate.look(_pair(), ended=True)
        except BadInputError:
            return Whose.THEIRS  # torn, and about to be replaced: refusing it would keep acme from that
    whose = certificate.look(_pair(), ended=ended)
    if own and whose is Whose.NOBODYS:
        held = ", ".join(sorted(one.name for one in places.TLS.iterdir())) or "nothing"
        raise BadInputError(f"{places.TLS} holds {held}: {ADVICE}")
    return whose


def _require_acmes_own() -> None:
    """Raise BadInputError for a file of the operator's, which acme would replace by its own."""
    for path, kind in ((places.CERTIFICATE, "fullchain"), (places.CERTIFICATE_KEY, "privkey")):
        written = (places.CERTBOT / "archive" / "parley").glob(f"{kind}*.pem")
        if not os.path.lexists(path) or any(
            path.is_file() and filecmp.cmp(path, one, shallow=False) for one in written
        ):
            continue
        if path == places.CERTIFICATE and certificate.is_ours(_pair()):
            continue
        if certificate.look(_pair(), ended=True) is not Whose.OURS:
            raise BadInputError(f"{PROFILES} has acme, which would replace {path}: only one of the two can be")


def _pair() -> certificate.Files:
    return certificate.Files(places.CERTIFICATE, places.CERTIFICATE_KEY)
