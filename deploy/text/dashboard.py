"""The Grafana dashboard: panels as a table here, JSON out."""

import json
from typing import Any, NamedTuple

COLUMNS, WIDTH, HEIGHT = 3, 8, 8
RATE = "$__rate_interval"


class Panel(NamedTuple):
    """One graph: its title, its unit, and its queries by legend."""

    title: str
    unit: str
    queries: dict[str, str]
    of_chat: bool = False  # what it shows is the reference chat's alone


def _rate(metric: str, by: str = "instance") -> str:
    return f"sum by ({by}) (rate({metric}_total[{RATE}]))"


def _quantile(metric: str, quantile: float) -> str:
    return f"histogram_quantile({quantile}, sum by (le) (rate({metric}_bucket[{RATE}])))"


def _latency(metric: str) -> dict[str, str]:
    return {"half": _quantile(metric, 0.5), "99 in 100": _quantile(metric, 0.99)}


PANELS = (
    Panel("Instances that answer", "short", {"{{instance}}": 'up{job="parley"}'}),
    Panel("Channel layer", "short", {"{{instance}}": "parley_layer_well"}, of_chat=True),
    Panel("Hears of nginx's reloads", "short", {"{{instance}}": "parley_edge"}),
    Panel("A message comes back through the edge", "short", {"1: it does": "parley_probe_up"}),
    Panel("From the edge and back", "s", _latency("parley_probe_seconds")),
    Panel("Messages that did not come back", "ops", {"{{reason}}": _rate("parley_probe_failures", "reason")}),
    Panel("The certificate lasts", "s", {"so long": "parley_probe_certificate_expires_seconds - time()"}),
    Panel("Sockets", "short", {"{{instance}}": "parley_sockets"}),
    Panel(
        "Messages stored",
        "ops",
        {"{{instance}}": f"sum by (instance) (rate(parley_commit_messages_sum[{RATE}]))"},
        of_chat=True,
    ),
    Panel("Deliveries", "ops", {"{{instance}}": _rate("parley_deliveries")}, of_chat=True),
    Panel("Frames refused", "ops", {"{{code}}": _rate("parley_refused", "code")}, of_chat=True),
    Panel(
        "Sockets and handshakes refused",
        "ops",
        {
            "flooding": _rate("parley_flooded", "job"),
            "wrong frames": _rate("parley_malformed", "job"),
            "handshakes": _rate("parley_handshakes_refused", "job"),
        },
    ),
    Panel("Refused on the way in", "ops", {"{{limit}}": _rate("parley_turned_away", "limit")}, of_chat=True),
    Panel("A batch in the database", "s", _latency("parley_commit_seconds"), of_chat=True),
    Panel("From commit to write", "s", _latency("parley_written_seconds"), of_chat=True),
    Panel("From commit to `sent`", "s", _latency("parley_sent_seconds"), of_chat=True),
    Panel("Messages in a batch", "short", _latency("parley_commit_messages"), of_chat=True),
    Panel("Entries that the log repaired", "ops", {"{{instance}}": _rate("parley_repaired")}, of_chat=True),
    Panel(
        "Slow and stuck readers",
        "ops",
        {"slow": _rate("parley_slow", "job"), "stuck": _rate("parley_stuck", "job")},
        of_chat=True,
    ),
    Panel("Histories that ended by a client's mark", "ops", {"{{instance}}": _rate("parley_claims")}, of_chat=True),
    Panel(
        "The database failed",
        "ops",
        {"writes": _rate("parley_commits_failed", "job"), "polls": _rate("parley_polls_failed", "job")},
        of_chat=True,
    ),
    Panel(
        "Not published",
        "ops",
        {"dropped": _rate("parley_publish_dropped", "job"), "failed": _rate("parley_publish_failed", "job")},
        of_chat=True,
    ),
    Panel(
        "Drains",
        "ops",
        {
            "batches": _rate("parley_drain_batches", "job"),
            "stragglers": _rate("parley_drain_stragglers", "job"),
            "reloads of nginx": _rate("parley_nginx_reloads", "job"),
        },
    ),
    Panel("Processor", "short", {"{{instance}}": f'rate(process_cpu_seconds_total{{job="parley"}}[{RATE}])'}),
    Panel("Memory", "bytes", {"{{instance}}": 'process_resident_memory_bytes{job="parley"}'}),
    Panel("Open files", "short", {"{{instance}}": 'process_open_fds{job="parley"}'}),
)


def dashboard(name: str, *, is_chat: bool) -> str:
    """Return a site's as Grafana imports it; it asks for its data source once."""
    shown = [panel for panel in PANELS if is_chat or not panel.of_chat]
    source = {"type": "prometheus", "uid": "${source}"}
    value = {
        "title": "Parley" if is_chat else name,
        "uid": "parley" if is_chat else name,
        "schemaVersion": 38,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [{"name": "source", "type": "datasource", "query": "prometheus"}]},
        "panels": [_panel(number, panel, source) for number, panel in enumerate(shown)],
    }
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _panel(number: int, panel: Panel, source: dict[str, str]) -> dict[str, Any]:
    row, column = divmod(number, COLUMNS)
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "datasource": source,
        "gridPos": {"x": column * WIDTH, "y": row * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + index), "expr": query, "legendFormat": legend, "datasource": source}
            for index, (legend, query) in enumerate(panel.queries.items())
        ],
    }
