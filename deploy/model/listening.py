"""The addresses that a site listens on."""

from deploy.model.config import Config

LOOPBACK_ADDRESSES = ("127.0.0.1", "::1")
EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 (only when `--host` names this machine to others)


def wanted(config: Config) -> tuple[str, str]:
    """Return the addresses to listen on: loopback alone, until a host makes this machine known to others."""
    return EVERY_ADDRESS if config.site.hosts else LOOPBACK_ADDRESSES
