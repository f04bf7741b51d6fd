"""URLs that people may type, checked once: what a client library would find out later, or never."""

from urllib.parse import SplitResult, parse_qs, quote, unquote, urlsplit

from deploy.model import hosts

DATABASE = ("postgres", "postgresql")
LAYER = ("redis", "rediss", "unix")
TLS = "rediss"
AUTHORITY = "ssl_ca_certs"  # how redis-py calls it, in the query of a URL


def database(url: str) -> str:
    """Return the URL of a PostgreSQL, or an empty text; raise ValueError that says what is wrong, never the URL."""
    if url:
        parts = _parts(url, DATABASE)
        if not (parts.hostname or parts.path.strip("/")):
            raise ValueError(_begins(DATABASE))
        if not parts.path.strip("/"):  # each side would take another default: the user's name, or none
            raise ValueError("names no database: postgres://host/NAME")
    return url


def layer(url: str) -> str:
    """Return the URL of a Redis, or an empty text; raise ValueError that says what is wrong, never the URL."""
    if url:
        parts = _parts(url, LAYER)
        if not (parts.path.strip("/") or (parts.hostname and parts.scheme != "unix")):
            raise ValueError("names no socket: unix:///path" if parts.hostname else _begins(LAYER))
        number = unquote(parts.path).strip("/")
        if parts.scheme != "unix" and number and not number.isdecimal():  # redis-py takes database 0 then
            raise ValueError("must end with a database's number, such as redis://host:6379/0")
    return url


def takes_authority(url: str) -> bool:
    """Tell whether a Redis is asked by TLS, and the URL does not say itself which authority is trusted."""
    parts = urlsplit(url)
    return parts.scheme == TLS and AUTHORITY not in parse_qs(parts.query)


def with_authority(url: str, path: str) -> str:
    """Return the URL of a Redis with the file of the authority that its certificate is checked with."""
    parts = urlsplit(url)
    own = f"{AUTHORITY}={quote(path)}"
    return parts._replace(query=f"{parts.query}&{own}" if parts.query else own).geturl()


def file(path: str) -> str:
    """Return a file's whole path, or an empty text; raise ValueError for what is none."""
    if path and not (path.startswith("/") and path.isprintable()):
        raise ValueError("must be the whole path of a file, such as /etc/ssl/redis-ca.pem")
    return path


def origin(text: str) -> str:
    """Return an Origin header as a browser writes it; raise ValueError for what is none: it has no path."""
    try:
        parts = urlsplit(text)
        port(parts)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname or text != f"{parts.scheme}://{parts.netloc}":
        raise ValueError(f"{text!r} is not an origin, such as https://chat.example.com")
    return text


def public(text: str) -> str:
    """Return the address under which people find the site, in its one spelling; raise ValueError for what is none."""
    if not text:
        return ""
    if urlsplit(text).path.strip("/"):
        raise ValueError(f"{text!r} has a path, and a site has a name of its own: use a subdomain")
    found = urlsplit(origin(text.removesuffix("/")))
    if found.scheme != "https" or found.username is not None:
        raise ValueError(f"{text!r} is not the https address of a site, such as https://chat.example.com")
    return hosts.origin(hosts.host(found.hostname or ""), found.port or hosts.HTTPS)


def port(parts: SplitResult) -> int | None:
    """Return a URL's port; raise ValueError for what is none."""
    try:
        found = parts.port
    except ValueError:
        found = 0
    if found == 0:
        raise ValueError("has a port that is none: 1 to 65535")
    return found


def _parts(url: str, schemes: tuple[str, ...]) -> SplitResult:
    if not url.isprintable() or " " in url:  # urlsplit would leave some of these out
        raise ValueError("holds a space or a control character: write it as %20")
    try:
        parts = urlsplit(url)
    except ValueError:  # its message may hold the password
        raise ValueError("has a host that is none") from None
    if parts.scheme not in schemes:
        raise ValueError(_begins(schemes))
    port(parts)
    return parts


def _begins(schemes: tuple[str, ...]) -> str:
    return f"must be a URL that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}"
