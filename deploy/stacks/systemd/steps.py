"""The steps of an installation, as values: what there should be. apply.py looks whether it is so, and makes it so."""

from dataclasses import dataclass, field
from pathlib import Path

from deploy.stacks.systemd.foreign import Source
from deploy.text.systemd.places import Places


@dataclass(frozen=True)
class Step:
    """One thing that should be so."""

    @property
    def says(self) -> str:
        """What is done where it is not so yet, in a line."""
        raise NotImplementedError


@dataclass(frozen=True)
class Stage(Step):
    """A release with an environment of its own, made from a checkout."""

    release: str
    folder: Path
    source: Path
    wheels: Path | None

    @property
    def says(self) -> str:
        """Name both."""
        return f"copy {self.source} to {self.folder}, with its own virtual environment" + (
            f" from the wheels in {self.wheels}" if self.wheels else ""
        )


@dataclass(frozen=True)
class StageProject(Step):
    """A project's release, with what it runs in."""

    source: Source = field(repr=False, hash=False)
    at: Places
    folder: Path
    wheels: Path | None

    @property
    def says(self) -> str:
        """Name both."""
        return f"copy {self.source.copies.config.folder} to {self.folder}, with an environment of its own" + (
            f" from the wheels in {self.wheels}" if self.wheels else ""
        )


@dataclass(frozen=True)
class Store(Step):
    """Port and password of the Redis that keeps, made once."""

    path: Path
    group: str

    @property
    def says(self) -> str:
        """Name it."""
        return f"create {self.path} (root:{self.group} 0640), with a free port"


@dataclass(frozen=True)
class Account(Step):
    """A system user with a group of its name, and neither a home nor a shell."""

    name: str

    @property
    def says(self) -> str:
        """Name it."""
        return f"add the system user {self.name}"


@dataclass(frozen=True)
class Folder(Step):
    """A folder of root's; its group is root's too, unless named."""

    path: Path
    mode: int = 0o755
    group: str = "root"

    @property
    def says(self) -> str:
        """Name it, with who may."""
        return f"create {self.path} (root:{self.group} {self.mode:04o})"


@dataclass(frozen=True)
class File(Step):
    """A file of root's with this text; `once`: whatever is there stays."""

    path: Path
    text: str = field(repr=False)
    mode: int = 0o644
    group: str = "root"
    once: bool = False

    @property
    def says(self) -> str:
        """Name it, with who may."""
        return f"write {self.path} (root:{self.group} {self.mode:04o})"


@dataclass(frozen=True)
class Secret(Step):
    """A random text, made once."""

    path: Path
    size: int
    group: str

    @property
    def says(self) -> str:
        """Name it."""
        return f"create {self.path} (root:{self.group} 0640)"


@dataclass(frozen=True)
class Pair(Step):
    """A certificate: somebody else's as it is, or a self-signed one for these names."""

    certificate: Path
    key: Path
    names: tuple[str, ...]
    group: str

    @property
    def says(self) -> str:
        """Name it."""
        return f"create the self-signed certificate {self.certificate} for {', '.join(self.names)}"


@dataclass(frozen=True)
class Served(Step):
    """The first copy of the pair for nginx to read; later ones are nginx.service's own."""

    script: Path
    given: Path
    folder: Path

    @property
    def says(self) -> str:
        """Name both."""
        return f"have nginx accept the certificate in {self.given}, and copy it to {self.folder}"


@dataclass(frozen=True)
class Link(Step):
    """A symbolic link; `once`: wherever it leads, it stays."""

    path: Path
    target: Path
    once: bool = False

    @property
    def says(self) -> str:
        """Name both."""
        return f"link {self.path} to {self.target}"


@dataclass(frozen=True)
class Gone(Step):
    """A file, a link or a folder that should not be there."""

    path: Path

    @property
    def says(self) -> str:
        """Name it."""
        return f"remove {self.path}"


@dataclass(frozen=True)
class Database(Step):
    """A role and a database of the same name in the distribution's PostgreSQL."""

    name: str

    @property
    def says(self) -> str:
        """Name them."""
        return f"create the role and the database {self.name} in PostgreSQL"


@dataclass(frozen=True)
class Publish(Step):
    """A release's static files, beside those that are served."""

    release: str
    collected: Path
    folder: Path

    @property
    def says(self) -> str:
        """Name the folder."""
        return f"put the release's static files into {self.folder}"


@dataclass(frozen=True)
class Run(Step):
    """A command that is due when one of these steps was."""

    command: tuple[str, ...]
    after: tuple[Step, ...]

    @property
    def says(self) -> str:
        """Write it as it is typed."""
        return f"run {' '.join(self.command)}"


@dataclass(frozen=True)
class Enabled(Step):
    """A unit that starts at boot."""

    unit: str

    @property
    def says(self) -> str:
        """Name it."""
        return f"enable {self.unit}"


@dataclass(frozen=True)
class Active(Step):
    """A unit that runs."""

    unit: str

    @property
    def says(self) -> str:
        """Name it."""
        return f"start {self.unit}"


@dataclass(frozen=True)
class Down(Step):
    """A unit that neither runs nor starts at boot."""

    unit: str

    @property
    def says(self) -> str:
        """Name it."""
        return f"stop and disable {self.unit}"
