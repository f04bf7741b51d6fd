"""What a process counts about its sockets and feeds."""

from prometheus_client import Counter

EVENTS = {
    "deliveries": Counter("parley_deliveries", "Entries written to live sockets."),
    "repaired": Counter("parley_repaired", "Entries read from the log because the layer did not bring them."),
    "slow": Counter("parley_slow", "Times a socket read too slowly and was set aside."),
    "stuck": Counter("parley_stuck", "Sockets closed because they read nothing for too long."),
    "publish_dropped": Counter("parley_publish_dropped", "Entries not published because the queue was full."),
    "publish_failed": Counter("parley_publish_failed", "Messages the channel layer did not take."),
    "drain_batches": Counter("parley_drain_batches", "Batches of sockets told to come back elsewhere."),
    "drain_stragglers": Counter("parley_drain_stragglers", "Sockets closed at the end of a drain window."),
}


def count(name: str, number: int) -> None:
    """Add to one of EVENTS."""
    EVENTS[name].inc(number)
