"""Which ports an installed nginx has: an install over it must not take them for somebody else's."""

from pathlib import Path

from deploy.stacks.systemd.host import LISTEN


def test_ports_are_read_and_sockets_are_not(here: Path) -> None:
    """From what is rendered for systemd, where nginx also listens on a unix socket for the instances."""
    text = (here / "tests/deploy/text/golden/systemd/nginx.conf").read_text()
    assert 'listen "unix:' in text
    assert sorted(set(LISTEN.findall(text))) == ["443", "80"]
    assert LISTEN.findall("    listen 8443 ssl;\n    listen [::]:8080;\n") == ["8443", "8080"]
