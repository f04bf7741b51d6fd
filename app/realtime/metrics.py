"""What a process counts about its sockets and feeds, and what it has of them now."""

from collections.abc import Callable

from prometheus_client import Counter, Gauge

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

STATES = {
    "sockets": Gauge("parley_sockets", "Open websockets."),
    "subscriptions": Gauge("parley_subscriptions", "Rooms read, summed over the sockets."),
    "behind": Gauge("parley_behind", "Of the subscriptions, those that are brought up from the log."),
    "feeds": Gauge("parley_feeds", "Rooms that somebody reads, or just read."),
    "groups": Gauge("parley_groups", "Groups of the channel layer that are joined."),
    "people": Gauge("parley_people", "People with a socket here or just gone, summed over the rooms."),
    "layer_well": Gauge("parley_layer_well", "1 while the channel layer brings the process's own probe back in time."),
}


def count(name: str, number: int) -> None:
    """Add to one of EVENTS."""
    EVENTS[name].inc(number)


def show(name: str, state: Callable[[], float]) -> None:
    """Have one of STATES read when it is asked for."""
    STATES[name].set_function(state)
