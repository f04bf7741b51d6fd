"""What systemd is asked and told."""

import os
from collections.abc import Sequence
from pathlib import Path
from secrets import token_hex
from typing import Never

from deploy.effects import commands, files
from deploy.errors import StackError
from deploy.text.systemd.places import Places

LINES = 15
RUN = Path("/run")  # in memory, and gone with the next boot


def show(unit: str, *properties: str) -> dict[str, str]:
    """Return properties of a unit; those of a unit that is not there are empty or `inactive`."""
    said = commands.output(["systemctl", "show", unit, f"--property={','.join(properties)}"])
    return dict(line.split("=", 1) for line in said.splitlines() if "=" in line)


def active(unit: str) -> bool:
    """Tell whether a unit runs."""
    return show(unit, "ActiveState")["ActiveState"] in {"active", "reloading"}


def runs(unit: str) -> bool:
    """Tell whether a unit has a process now, also one that is to end by itself."""
    return show(unit, "ActiveState")["ActiveState"] in {"active", "reloading", "activating", "deactivating"}


def enabled(unit: str) -> bool:
    """Tell whether a unit starts at boot."""
    return show(unit, "UnitFileState")["UnitFileState"] == "enabled"


def pid(unit: str) -> int | None:
    """Return a unit's main process."""
    return int(show(unit, "MainPID")["MainPID"] or 0) or None


def tell(verb: str, *units: str) -> None:
    """Do something to units, and wait for it; raises StackError with the last lines of the first one's log."""
    done = commands.run(["systemctl", verb, *units])
    if done.status != 0:
        raise StackError("\n".join([f"systemctl {verb} {' '.join(units)}: {done.output}", *last_lines(*units[:1])]))


def last_lines(*units: str) -> list[str]:
    """Return the last lines that units wrote."""
    words = [word for unit in units for word in ("--unit", unit)]
    if not words:
        return []
    said = commands.run(["journalctl", "--no-pager", "--output=cat", f"--lines={LINES}", *words]).output
    return said.splitlines()


def once(user: str, command: Sequence[str], *, folder: Path, env_files: Sequence[Path], low_ports: bool = False) -> str:
    """Run a command to its end as a unit of its own, as the services are run, and give its stdout."""
    return commands.output(_once(user, command, folder, env_files, low_ports=low_ports))


def become(user: str, command: Sequence[str], *, folder: Path, env_files: Sequence[Path], secret: str = "") -> Never:
    """Become such a command, on this terminal if it is one; `secret` is one more EnvironmentFile of its own.

    Nobody but root reads that file, and it is removed at the end: arguments and a unit's properties are for all.
    systemd removes it too, but only where the unit has come to start.
    """
    options = ["--pty"]
    if not secret:
        commands.become(_once(user, command, folder, env_files, *options), env=os.environ, cwd=Path("/"))
    forget()
    path = RUN / f"parley-{os.getpid()}-{token_hex(8)}.env"
    options += [f"--property=EnvironmentFile={path}", f"--property=ExecStopPost=+/bin/rm -f {path}"]
    words = _once(user, command, folder, env_files, *options)
    status = commands.attached(
        words,
        env=os.environ,
        cwd=Path("/"),
        first=lambda: files.write(path, secret),
        last=lambda: forget(os.getpid()),
    )
    raise SystemExit(status)


def forget(own: int | None = None) -> None:
    """Remove the secrets of this process, or of those that were killed before they could; half-written ones too."""
    for path in (*RUN.glob("parley-*-*.env"), *RUN.glob(".parley-*-*.env.*")):
        number = path.name.split("-")[1]
        if number == str(own) or (own is None and number.isdecimal() and not Path("/proc", number).exists()):
            path.unlink(missing_ok=True)


def _once(
    user: str, command: Sequence[str], folder: Path, env_files: Sequence[Path], *options: str, low_ports: bool = False
) -> list[str]:
    at = Places(user)
    settings = {
        "User": user,
        "Group": user,
        "WorkingDirectory": str(folder),
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "ReadWritePaths": " ".join(f"-{path}" for path in (Path("/run", user), at.data, at.media, at.kept)),
        "ProtectHome": "yes",
        "PrivateTmp": "yes",
        "UMask": "0027",
    }
    if low_ports:
        settings["AmbientCapabilities"] = "CAP_NET_BIND_SERVICE"
    words = [f"--property={name}={value}" for name, value in settings.items()]
    words += [f"--property=EnvironmentFile={path}" for path in env_files]
    return ["systemd-run", "--quiet", "--pipe", *options, "--wait", "--collect", *words, "--", *command]


def boots() -> bool:
    """Tell whether this machine was booted by systemd."""
    return os.path.isdir("/run/systemd/system")  # noqa: PTH112
