"""Which files hold keys and passwords, by their names, or by what is in them: they do not belong into an image."""

from fnmatch import fnmatchcase
from pathlib import Path

FOLDERS = {".ssh", ".gnupg", ".aws", ".kube", ".docker"}
ENV = ".env*"  # a file, or cookiecutter-django's folder of them
NAMES = (
    *(ENV, "*.env"),
    *("*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.ppk", "*.kdbx"),
    *("id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*"),
    *(".netrc", ".pgpass", ".pypirc", ".git-credentials"),
)
# The other half of an id_rsa, and an .env that somebody is to fill in.
PUBLIC = (".pub", ".example", ".sample", ".template", ".dist")
# A certificate is as public as it is needed, and a service's account is a .json like any other.
MAYBE = {".pem", ".crt", ".cer", ".asc", ".json", ".txt", ""}  # suffixes
MARKS = (b"PRIVATE KEY-----", b"PRIVATE KEY BLOCK-----")  # of PEM, also within JSON; of GnuPG
NPM, NPM_MARKS = ".npmrc", (b"_authToken", b"_password=")
MOST_BYTES = 1024 * 1024  # a file that is larger is no key


def is_folder(name: str) -> bool:
    """Tell whether a folder of this name holds nothing else."""
    return name in FOLDERS or fnmatchcase(name.lower(), ENV)


def is_private(path: Path) -> bool:
    """Tell it of a regular file."""
    name = path.name.lower()
    if name.endswith(PUBLIC):
        return False
    if any(fnmatchcase(name, one) for one in NAMES):
        return True
    if path.suffix.lower() not in MAYBE or path.stat().st_size > MOST_BYTES:
        return False
    content = path.read_bytes()
    return any(mark in content for mark in (*MARKS, *(NPM_MARKS if name == NPM else ())))


def listed(paths: list[Path], root: Path) -> str:
    """Write the names of those among these paths, seen from a folder."""
    below = {path: path.relative_to(root) for path in paths}
    private = (str(name) for path, name in below.items() if any(map(is_folder, name.parts[:-1])) or is_private(path))
    return ", ".join(private)
