"""A proxy in front of Parley, with its file of docs/behind-a-proxy.md."""

import datetime as dt
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import pytest

from tests.checkout import ROOT
from tests.deploy.operations.doctor import certificates
from tests.waiting import PATIENCE

PAGE = ROOT / "docs" / "behind-a-proxy.md"
NAME = "localhost"  # looked up by every program
PACKAGES = {"nginx": "nginx-light"}


def needs(kind: str) -> None:
    """Skip where a program is missing."""
    for program, package in {kind: PACKAGES.get(kind, kind), "curl": "curl"}.items():
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}: apt-get install {package}")


class Proxy:
    """One in front, with the configuration of the page; names, ports and places are the test's.

    `sites` are the page's own names, with the test's name and the port behind it.
    """

    def __init__(
        self,
        kind: str,
        folder: Path,
        port: int,
        inner: int,
        *changes: tuple[str, str],
        heading: str = "",
        sites: Mapping[str, tuple[str, int]] = MappingProxyType({}),
    ) -> None:
        self.folder = folder
        folder.mkdir()
        self.sites = {"chat.example.com": (NAME, inner), **sites}
        certificate, key = certificates.unknown(dt.timedelta(days=30), *(name for name, _ in self.sites.values()))
        for name, pem in {"certificate.pem": certificate, "key.pem": key, "chat.pem": certificate + key}.items():
            (folder / name).write_bytes(pem)
        section = rf"(?ims)^## {heading or kind}\n(?:(?!^## ).)*?\n```(?:nginx|text)\n(.*?)```"
        [text] = re.findall(section, PAGE.read_text())
        text = re.sub(r"/etc/ssl/\w+", str(folder), text)
        ports = {"8443": inner, "8444": inner, "8453": self.sites.get("shelf.example.com", ("", 0))[1]}
        text = re.sub(r"127\.0\.0\.1:(\d+)", lambda found: f"127.0.0.1:{ports[found[1]]}", text)
        for written, (name, _) in self.sites.items():
            text = text.replace(written, f"{name}:{port}")
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        self.command = getattr(self, kind)(text, port)

    def nginx(self, text: str, port: int) -> list[str]:
        """Put it into the http block of a nginx of its own."""
        text = text.replace("listen 443", f"listen 127.0.0.1:{port}")
        text = re.sub(rf"server_name (\S+):{port};", r"server_name \1;", text)
        places = "".join(
            f"{name}_temp_path {self.folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        user = "user root;" if os.getuid() == 0 else ""
        head = f"daemon off; {user} pid {self.folder}/pid; error_log stderr; worker_shutdown_timeout 10s;"
        file = self.folder / "nginx.conf"
        file.write_text(f"{head}\nevents {{}}\nhttp {{\naccess_log off; {places}\n{text}\n}}\n")
        return ["nginx", "-e", "stderr", "-p", str(self.folder), "-c", str(file)]

    def caddy(self, text: str, port: int) -> list[str]:  # noqa: ARG002 (it stands in the name)
        """Keep its state here, and its port for commands shut."""
        file = self.folder / "Caddyfile"
        file.write_text(f"{{\n    admin off\n    auto_https disable_redirects\n}}\n{text}")
        return ["caddy", "run", "--adapter", "caddyfile", "--config", str(file)]

    def haproxy(self, text: str, port: int) -> list[str]:
        """It stays in the foreground by itself."""
        file = self.folder / "haproxy.cfg"
        file.write_text(text.replace("bind :443", f"bind 127.0.0.1:{port}"))
        return ["haproxy", "-W", "-f", str(file)]

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run it until the block ends."""
        env = os.environ | {"HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder)}
        process = subprocess.Popen(self.command, env=env, stdin=subprocess.DEVNULL)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)
