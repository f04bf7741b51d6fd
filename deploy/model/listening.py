"""The addresses that a site listens on."""

from ipaddress import ip_network

from deploy.model.config import Config

LOOPBACK_ADDRESSES = ("127.0.0.1", "::1")
EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 (only when `--host` names this machine to others)


def wanted(config: Config) -> tuple[str, str]:
    """Return the addresses to listen on: loopback alone, until a host makes this machine known to others.

    Behind a proxy on this machine alone it is loopback again.
    """
    if not config.site.has_tls and all(ip_network(one).is_loopback for one in config.site.trusted_proxies):
        return LOOPBACK_ADDRESSES
    return EVERY_ADDRESS if config.site.names else LOOPBACK_ADDRESSES
