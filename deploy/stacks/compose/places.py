"""Where the containers of docker-compose.prod.yml find each other's files: one volume to a folder."""

from pathlib import Path

SRV = Path("/srv/parley")
APP = SRV / "secrets" / "app"  # what the app's processes read by PARLEY_*_FILE
OWN = APP / "certificate.pem"  # the one that this machine made, for the probe to trust; there is no key beside it
REDIS = SRV / "secrets" / "redis"
POSTGRES = SRV / "secrets" / "postgres"
TLS = SRV / "tls"
GIVEN = SRV / "tls-given"  # where the edge finds what is in TLS elsewhere; it serves a copy, in its own TLS
SERVED_TLS = SRV / "tls-served"  # where `setup` sees that copy
CERTIFICATE = TLS / "certificate.pem"
CERTIFICATE_KEY = TLS / "key.pem"
NGINX = SRV / "nginx"  # a folder to a release
CURRENT = NGINX / "current"
STATIC = SRV / "static"
SERVED = STATIC / "files"
ACME = SRV / "acme"
CERTBOT = SRV / "certbot"  # an authority's account, and every key it gave
OURS = CERTBOT / "ours"  # the pair that `setup` made, for compose/acme.sh to know it
PROMETHEUS = SRV / "prometheus"
CHALLENGES = ACME / ".well-known" / "acme-challenge"

HOME = Path("/opt/parley")  # the checkout's folders, in the image
COLLECTED = HOME / "static"
RELEASE = HOME / "RELEASE"

USER = 10001  # of the image, and of every container that needs no account of its own
WEB = 8000
HTTPS = 8443  # inside the edge's container; .env says which ports of the host lead here
HTTP = 8080
INSIDE = 8081  # the same, for the replicas alone: it leads nowhere
METRICS = 9100  # of a replica, where parley.toml names no other
PROMETHEUS_PORT = 9090

TOML = SRV / "parley.toml"  # mounted where it names a server outside
FOLDERS = {
    "app": str(APP),
    "redis": str(REDIS),
    "postgres": str(POSTGRES),
    "tls": str(TLS),
    "own": str(OWN),
    "given": str(GIVEN),
    "served": str(SERVED_TLS),
    "nginx": str(NGINX),
    "static": str(STATIC),
    "acme": str(ACME),
    "certbot": str(CERTBOT),
    "prometheus": str(PROMETHEUS),
    "toml": str(TOML),
}
