"""The certificate in the volume `tls`, or in the folder that PARLEY_TLS names: ours, an authority's, or the operator's.

Who sets PARLEY_TLS has a pair of his own, and none is made in its place; the profile `acme` fills what it is given.
"""

import filecmp
import os
from collections.abc import Mapping

from deploy import files
from deploy.config import Config
from deploy.errors import BadInputError
from deploy.hosts import LOOPBACK
from deploy.stacks import certificate
from deploy.stacks.certificate import Whose
from deploy.stacks.compose import places, secrets

FOLDER = "PARLEY_TLS"
PROFILES = "COMPOSE_PROFILES"
ADVICE = f"certificate.pem (with its chain) and key.pem should be there, readable by user {places.USER}"


def check(given: Mapping[str, str]) -> Whose:
    """Tell whose pair is there; raises BadInputError, in the operator's own words, where nothing can be made of it."""
    folder, profiles = given.get(FOLDER, "").strip(), given.get(PROFILES, "").replace(",", " ").split()
    try:
        return _whose(own=bool(folder), acme=bool({"acme", "*"} & set(profiles)))
    except PermissionError as error:
        words = f"{error.filename} cannot be read: {error.strerror}"
    except BadInputError as error:
        words = str(error)
    words = words.replace("Permission denied", f"user {places.USER} may not")
    if folder:
        words = words.replace(str(places.TLS), folder).replace(certificate.ADVICE, ADVICE)
    raise BadInputError(f".env: {FOLDER}: {words}" if folder else f"the volume tls: {words}")


def ensure(whose: Whose, config: Config) -> str:
    """Make a certificate unless somebody else's is there, and say which one there is."""
    pair = _pair()
    files.remove(places.OWN)
    if whose is Whose.THEIRS:
        return f"certificate: the one in {places.TLS}"
    names = [*LOOPBACK, *config.site.hosts]
    if not certificate.fits(pair, names) and not os.access(places.TLS, os.W_OK):
        raise BadInputError(f"{places.TLS}: user {places.USER} cannot make a certificate there")
    made = certificate.ensure(pair, names)
    files.write(places.OWN, pair.certificate.read_bytes(), secrets.READABLE)
    files.make_folder(places.OURS)
    for path in (pair.certificate_key, pair.certificate):
        files.write(places.OURS / path.name, path.read_bytes())
    return f"certificate: self-signed{', made now' if made else ''}"


def _whose(*, own: bool, acme: bool) -> Whose:
    if acme:
        if own:
            _require_acmes_own()
        try:
            return certificate.look(_pair(), ended=True)
        except BadInputError:
            return Whose.THEIRS  # torn, and about to be replaced: refusing it would keep acme from that
    whose = certificate.look(_pair())
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
