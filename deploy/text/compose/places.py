"""Where the containers of docker-compose.prod.yml find each other's files: one volume to a folder."""

from pathlib import Path

SRV = Path("/srv/parley")
APP = SRV / "secrets" / "app"  # what the app's processes read by PARLEY_*_FILE
OWN = APP / "certificate.pem"  # the one that this machine made, for the probe to trust; there is no key beside it
REDIS = SRV / "secrets" / "redis"
POSTGRES = SRV / "secrets" / "postgres"
STORE = SRV / "secrets" / "store"  # of the Redis that keeps what a project gives it
KEPT = SRV / "store"  # what it keeps
MEDIA = SRV / "media"  # where the edge finds what people uploaded; the project's processes have it where they look
TLS = SRV / "tls"
GIVEN = SRV / "tls-given"  # where the edge finds what is in TLS elsewhere; it serves a copy, in its own TLS
SERVED_TLS = SRV / "tls-served"  # where `setup` sees that copy
CERTIFICATE = TLS / "certificate.pem"
CERTIFICATE_KEY = TLS / "key.pem"
NGINX = SRV / "nginx"  # a folder to a release and what it renders
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
OWN_VENV = Path("/opt/parley-venv")  # of our own packages: beside HOME, for it is a layer that releases share
# In the image of a project that is not the reference chat.
PROJECT = Path("/opt/project")
VENV = Path("/opt/venv")
SERVING = HOME / "serving"  # parley_serving alone: a project may have a `chat` or a `config` of its own
BUILD = Path("/run/parley-build.json")  # while the image is built
FACTS = HOME / "facts.json"  # what the project said of itself while the image was built
HASHED = HOME / "HASHED"  # whether its static files have hashed names

USER = 10001  # of the image, and of every container that needs no account of its own
WEB = 8000
HTTPS = 8443  # inside the edge's container; .env says which ports of the host lead here
HTTP = 8080
PROXIED = 8445  # the same as HTTPS, for a balancer with the PROXY protocol
BESIDE = 8444  # the same without TLS, for the probe alone, where a proxy in front has the TLS
INSIDE = 8081  # the same, for the replicas alone: it leads nowhere
METRICS = 9100  # of a replica, where parley.toml names no other
PROMETHEUS_PORT = 9090

DATA = SRV / "data"  # of a project whose database is a file
DATABASE = DATA / "db.sqlite3"

REDIS_CA = SRV / "redis-ca.pem"  # redis.ca_file, mounted
TOML = SRV / "parley.toml"  # mounted where it names a server outside
VARIABLES = SRV / "env.json"  # [project.env], mounted
FOLDERS = {
    "app": str(APP),
    "redis": str(REDIS),
    "postgres": str(POSTGRES),
    "store": str(STORE),
    "kept": str(KEPT),
    "media": str(MEDIA),
    "tls": str(TLS),
    "own": str(OWN),
    "given": str(GIVEN),
    "served": str(SERVED_TLS),
    "nginx": str(NGINX),
    "static": str(STATIC),
    "acme": str(ACME),
    "certbot": str(CERTBOT),
    "prometheus": str(PROMETHEUS),
    "redis_ca": str(REDIS_CA),
    "toml": str(TOML),
    "variables": str(VARIABLES),
}
