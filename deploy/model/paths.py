"""Where a project's sockets, streams and files lie below its origin: what nginx has to know of a project."""

from dataclasses import dataclass

from deploy.errors import BadInputError

# How long a stream may say nothing. A peer that left is noticed at once, one that vanished only by this; and an answer
# that takes longer than an hour to begin is a job for a queue.
STREAM_SECONDS = 3600
METRICS = "/metrics"  # nginx answers it itself (locations.conf.j2)


@dataclass(frozen=True)
class Paths:
    """Prefixes of a project's URLs; the defaults are the reference chat's. sockets.prefix() has checked each."""

    sockets: tuple[str, ...] = ("/ws/",)  # where an Upgrade may pass; pages may lie there too
    streams: tuple[str, ...] = ()  # server-sent events and long answers
    static_url: str = "/static/"  # empty: nginx serves no static files
    media_url: str = ""  # empty: nginx serves no uploaded files
    body_bytes: int = 0  # largest HTTP body; 0: as app.body_bytes has it


@dataclass(frozen=True)
class Place:
    """One location of nginx's, as `location` takes it, and what passes there beside pages."""

    match: str
    sockets: bool
    streams: bool


def places(paths: Paths) -> list[Place]:
    """Return the locations that lead to an instance: what a prefix takes, a longer one inside it takes too."""
    prefixes = dict.fromkeys(["/", *paths.sockets, *paths.streams])
    # nginx redirects /ws to /ws/ by itself where only the latter is a location, and a POST would lose its body.
    bare = [prefix.rstrip("/") for prefix in prefixes if prefix.endswith("/") and prefix != "/"]
    found = [_place(prefix, prefix, paths) for prefix in prefixes]
    return found + [_place(f"= {path}", path, paths) for path in bare if path not in {*prefixes, METRICS}]


def require(paths: Paths) -> None:
    """Raise BadInputError where two of them are one place."""
    served = {"static files": paths.static_url, "uploaded files": paths.media_url}
    taken: dict[str, str] = {"/": "pages"}
    for what, url in served.items():
        if url and url in taken:
            raise BadInputError(f"{what} and {taken[url]} cannot both lie under {url!r}")
        taken[url] = what
    for prefix in (*paths.sockets, *paths.streams):
        if prefix in taken and prefix != "/":
            raise BadInputError(f"{taken[prefix]} lie under {prefix!r}, so no socket or stream can have it")


def _place(match: str, path: str, paths: Paths) -> Place:
    return Place(match, sockets=_inside(path, paths.sockets), streams=_inside(path, paths.streams))


def _inside(path: str, prefixes: tuple[str, ...]) -> bool:
    return path.startswith(prefixes)
