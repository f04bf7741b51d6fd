"""nginx's own opinion of the rendered configuration: no error and no warning."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.effects import files
from deploy.model.config import Config
from deploy.stacks.local import binaries
from deploy.text import render
from deploy.text.render import NginxSite

UNLIMITED = ("sockets_per_address", "handshakes_per_second", "pages_per_address", "pages_per_second")


@pytest.mark.parametrize(
    "config",
    [
        Config(),
        Config.model_validate({"nginx": {**dict.fromkeys(UNLIMITED, 0), "hsts_seconds": 60}}),
    ],
    ids=["defaults", "switched"],
)
def test_nginx_takes_it_without_a_warning(folder: Path, site: NginxSite, nginx: binaries.Nginx, config: Config) -> None:
    """Every version-gated line fits the version that reads it."""
    files.write_all(folder / "nginx", render.nginx(config, replace(site, error_log="stderr")))
    command = [str(nginx.path), "-e", "stderr", "-t", "-p", site.run, "-c", str(folder / "nginx" / "nginx.conf")]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    assert "[" not in said.stderr, said.stderr


@pytest.mark.parametrize("proxies", [[], ["10.0.0.0/8"]], ids=["alone", "balanced"])
@pytest.mark.parametrize("http_listen", [(), ("127.0.0.1:80",)], ids=["https", "http"])
def test_every_template_is_used(site: NginxSite, proxies: list[str], http_listen: tuple[str, ...]) -> None:
    """A file that no other includes is one that nobody reads."""
    config = Config.model_validate({"site": {"trusted_proxies": proxies}})
    texts = render.nginx(config, replace(site, http_listen=http_listen))
    included = {name for text in texts.values() for name in texts if f"include {name};" in text}
    assert included == set(texts) - {"nginx.conf"}
