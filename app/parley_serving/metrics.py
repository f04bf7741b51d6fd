"""Every metric of a process: what it counts, how long things took, and what it has now.

`docs/metrics.md` is made of this; alerts and the dashboard are held to these names by tests/deploy/text/prometheus.
"""

from collections.abc import Callable

from prometheus_client import REGISTRY, Counter, Gauge, Histogram

EVENTS = {
    "deliveries": Counter("parley_deliveries", "Entries written to live sockets."),
    "repaired": Counter("parley_repaired", "Entries read from the log because the channel layer did not deliver them."),
    "slow": Counter("parley_slow", "Times a socket read too slowly and was set aside."),
    "stuck": Counter("parley_stuck", "Sockets closed because they read nothing for too long."),
    "flooded": Counter("parley_flooded", "Sockets closed because they sent more frames or bytes than are taken."),
    "malformed": Counter("parley_malformed", "Sockets closed because of a frame that is wrong or too large."),
    "handshakes_refused": Counter(
        "parley_handshakes_refused",
        "Handshakes that are no valid request, of a foreign Host or Origin, or of a session that floods.",
    ),
    "publish_dropped": Counter("parley_publish_dropped", "Entries not published because the queue was full."),
    "publish_failed": Counter("parley_publish_failed", "Messages that the channel layer did not accept."),
    "commits_failed": Counter("parley_commits_failed", "Batches of messages that the database did not store."),
    "polls_failed": Counter("parley_polls_failed", "Polls of the rooms' heads that the database did not answer."),
    "claims": Counter("parley_claims", "Times a client showed that a room's log lost entries: all of the room rejoin."),
    "drain_batches": Counter("parley_drain_batches", "Batches of sockets that were asked to reconnect."),
    "drain_stragglers": Counter("parley_drain_stragglers", "Sockets closed at the end of a drain window."),
    "nginx_reloads": Counter(
        "parley_nginx_reloads", "Reloads of nginx before which sockets were moved off its old workers."
    ),
}

REFUSED = Counter(
    "parley_refused",
    "Frames and forms answered with an error, by its code in protocol.md; and what somebody banned asks for.",
    ["code"],
)
TURNED_AWAY = Counter(
    "parley_turned_away", "Requests and log-ins that were refused because too many came, by which limit.", ["limit"]
)

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

BATCHES = {
    "size": Histogram("parley_commit_messages", "Messages of one batch.", buckets=[1, 2, 4, 8, 16, 32, 64, 128, 256]),
    "commit": Histogram(
        "parley_commit_seconds", "From the start of a batch in the database's thread to its commit.", buckets=SECONDS
    ),
    "written": Histogram(
        "parley_written_seconds",
        "From a batch's commit until the sockets of its rooms in this process got it; a busy room adds up to 5 ms.",
        buckets=SECONDS,
    ),
    "sent": Histogram(
        "parley_sent_seconds", "From a batch's commit until all of its senders got `sent`.", buckets=SECONDS
    ),
}

STATES = {
    "sockets": Gauge("parley_sockets", "Open WebSocket connections."),
    "subscriptions": Gauge("parley_subscriptions", "Rooms that sockets read, summed over the sockets."),
    "behind": Gauge("parley_behind", "Subscriptions that are catching up from the log."),
    "feeds": Gauge("parley_feeds", "Rooms that somebody reads or has just read."),
    "groups": Gauge("parley_groups", "Groups of the channel layer that the process has joined."),
    "people": Gauge("parley_people", "People with a socket here, or who have just left, summed over the rooms."),
    "edge": Gauge(
        "parley_edge",
        "1 while the process has its connection to nginx, which tells it of a reload; absent without an edge.",
        registry=None,
    ),
    "layer_well": Gauge(
        "parley_layer_well", "1 while the process's own probe returns through the channel layer in time."
    ),
}

_HIDDEN = {"edge"}  # until it is shown: where nothing is to be found, 0 would say that it was lost


def count(name: str, number: int) -> None:
    """Add to one of EVENTS."""
    EVENTS[name].inc(number)


def refuse(code: str) -> None:
    """Count a frame, or a page, that was answered with an error."""
    REFUSED.labels(code).inc()


def turn_away(limit: str) -> None:
    """Count somebody whom a limit of the way in refused."""
    TURNED_AWAY.labels(limit).inc()


def batch(size: int, *, commit: float, written: float, sent: float) -> None:
    """Tell of one stored batch: four observations, however many messages it had."""
    BATCHES["size"].observe(size)
    BATCHES["commit"].observe(commit)
    BATCHES["written"].observe(written)
    BATCHES["sent"].observe(sent)


def show(name: str, state: Callable[[], float]) -> None:
    """Have one of STATES read when it is asked for."""
    STATES[name].set_function(state)
    if name in _HIDDEN:
        _HIDDEN.remove(name)
        REGISTRY.register(STATES[name])
