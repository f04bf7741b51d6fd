"""Where everything of one local stack lies."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from deploy.effects import files
from deploy.effects.files import is_text
from deploy.errors import BadInputError
from deploy.model.config import ROOT, Config

DEFAULT = ROOT / ".parley"
# sun_path takes 107 bytes, and this is the longest name in run/.
LONGEST_SOCKET = "web-64.sock"
SOCKET_PATH_BYTES = 107

MOVING = "moving"  # in the folder of any stack


@dataclass(frozen=True)
class Layout:
    """The folder that `--dir` names, absolute."""

    dir: Path

    @classmethod
    def of(cls, config: Config, folder: Path | None) -> "Layout":
        """Take what was typed, else the folder of the project's site."""
        return cls.at(folder, DEFAULT if config.is_own else DEFAULT / config.site.name)

    @classmethod
    def at(cls, folder: Path | None, default: Path = DEFAULT) -> "Layout":
        """Take what was typed, relative to where it was typed."""
        path = os.path.abspath((folder or default).expanduser())  # noqa: PTH100 (keeps symlinks as typed)
        if not is_text(path):  # the folder that one stands in, or the checkout's own
            raise BadInputError(f"{path!r} is not UTF-8")
        return cls(Path(path))

    @property
    def run(self) -> Path:
        """What lives as long as one run: locks, state, the pid file."""
        return self.dir / "run"

    @property
    def log(self) -> Path:
        """Access logs."""
        return self.dir / "log"

    @property
    def nginx(self) -> Path:
        """The rendered configuration."""
        return self.dir / "nginx"

    @property
    def static(self) -> Path:
        """What collectstatic wrote."""
        return self.dir / "static"

    @property
    def serving(self) -> Path:
        """A folder for PYTHONPATH that has parley_serving and nothing else."""
        return self.dir / "serving"

    @property
    def pycache(self) -> Path:
        """What Python compiles, of a project whose folder is read alone."""
        return self.dir / "pycache"

    @property
    def python(self) -> Path:
        """A project's environments."""
        return self.dir / "python"

    @property
    def media(self) -> Path:
        """What people upload."""
        return self.dir / "media"

    @property
    def facts(self) -> Path:
        """What a project said of itself when it was last started, as JSON."""
        return self.dir / "facts.json"

    @property
    def owner(self) -> Path:
        """Whose folder it is: where the project's manage.py lies."""
        return self.dir / "project"

    @property
    def store(self) -> Path:
        """The data of the Redis that keeps what a project gives it."""
        return self.dir / "redis"

    @property
    def cache(self) -> Path:
        """What was fetched and can be fetched again."""
        return self.dir / "cache"

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.dir / "parley.sqlite3"

    @property
    def moving(self) -> Path:
        """The copy of an SQLite file while its rows are moved; afterwards what a move that was killed has left."""
        return self.dir / MOVING

    @property
    def secret_key(self) -> Path:
        """Django's key."""
        return self.dir / "secret_key"

    @property
    def certificate(self) -> Path:
        """The self-signed certificate."""
        return self.dir / "tls" / "certificate.pem"

    @property
    def certificate_key(self) -> Path:
        """Its key."""
        return self.dir / "tls" / "key.pem"

    @property
    def authority(self) -> Path:
        """There where the certificate is an authority's: a line for nginx."""
        return self.dir / "tls" / "authority.conf"

    @property
    def state(self) -> Path:
        """What runs where, as JSON; written when the stack is ready."""
        return self.run / "state.json"

    @property
    def watch(self) -> Path:
        """Where `watch` serves its metrics, as JSON; there while it runs."""
        return self.run / "watch.json"

    @property
    def lock(self) -> Path:
        """Held by the one `up` of this folder."""
        return self.run / "up.lock"

    @property
    def children_lock(self) -> Path:
        """Held by everything that `up` started."""
        return self.run / "children.lock"

    @property
    def sockets(self) -> Path:
        """Where unix sockets go: run/, or a short private folder where the path would be too long."""
        if len(os.fsencode(self.run / LONGEST_SOCKET)) <= SOCKET_PATH_BYTES:
            return self.run
        # The same name each time, so that a run that was killed leaves nothing that the next does not take over.
        digest = hashlib.sha256(os.fsencode(self.dir)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"parley-{os.getuid()}-{digest}"

    @property
    def edge(self) -> Path:
        """Where nginx listens for the instances."""
        return self.sockets / "edge.sock"

    def make(self) -> None:
        """Make the folders; raise BadInputError with the one that cannot be."""
        for folder in (self.dir, self.run, self.log, self.static, self.cache, self.certificate.parent):
            files.make_folder(folder)
        if self.sockets != self.run:
            files.make_folder(self.sockets)
            status = self.sockets.lstat()
            # The name can be guessed, and the folder above is everybody's.
            if status.st_uid != os.getuid() or status.st_mode & 0o077 or self.sockets.is_symlink():
                raise BadInputError(f"{self.sockets} is not a private folder of this user: remove it")

    def clear_run(self) -> None:
        """Remove what no longer means anything once the run is over."""
        for path in (self.state, *self.sockets.glob("*.sock")):
            files.remove(path)
        if self.sockets != self.run:
            files.remove(self.sockets)
