"""docs/metrics.md: after a change that is meant, `PYTHONPATH=app:. .venv/bin/python -m tests.prometheus.page`."""

from pathlib import Path

from tests.prometheus.rendered import alerts, own

LABELS = {"parley_refused": "`code`", "parley_probe_failures": "`reason`"}
PAGE = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
HEAD = """# Metrics, alerts and logs

Each instance serves its own `/metrics`, on loopback (in a container on its internal networks) and never through nginx
(why: [decisions/metrics.md](decisions/metrics.md)): `app.metrics_port` names the port of web-1, web-2 has the next.
What a dead worker counted is gone with it; its successor begins at 0, which Prometheus takes for what it is.
`process_*` and `python_*` are those of prometheus_client.

```sh
./parley render prometheus --out .parley/prometheus
prometheus --config.file .parley/prometheus/prometheus.yml --storage.tsdb.path .parley/prometheus/data
```

The first line writes `prometheus.yml`, the alerts (`rules.yml`) and a Grafana dashboard to import (`dashboard.json`)
for the `up` that runs here; with `--env systemd` for an installed host whose `app.metrics_port` is set, where
Prometheus has to run beside the instances. Compose brings a Prometheus with its
[profile `monitoring`](deploying.md#metrics-and-alerts), which has these files from `setup`; `--env compose` writes
them for whoever wants to read them, and the dashboard. There `ParleyInstanceDown` also fires for `a replica` while
there are fewer than `PARLEY_REPLICAS`.

This page is generated: a test holds it equal to the code.
"""

LOGS = """## Logs

With `app.log_format = "json"` each line of the app is an object. `request` or `socket` is the id that nginx's access
log has as `request` for the same request or handshake, `user` the id of who is logged in; lines of nobody's have none.
A run at `debug` is searched for query strings, cookies, passwords, tickets and message texts:
`tests/stack/test_logs.py::test_lines_have_ids_and_no_secrets`.

A request that is refused (a status from 400 to 499) leaves one line with its reason, which for an exception is in
`reason`, and no traceback. A traceback is a fault of ours: a status from 500 on, or something that runs in the
background.
`tests/app/config/test_logs.py::test_a_refusal_is_one_line`.
"""

PROBE = """## The probe

`./parley watch` goes a visitor's way every 15 seconds: over wss through the edge, with a session of its own into
`_probe`, a members-only room that nobody else is in, and it waits until its message has come back. A try that takes
10 seconds has failed. Its reasons: `login` (the app gave no session: look at its database), `connect` (nobody answers,
or no TLS), `certificate` (it ended, or names another site), `handshake` (another answer than a websocket), `refused`
(an error, or closed) and `late`. The newest 1000 messages of the room are kept.

| stack | how it runs |
|---|---|
| `up` | `./parley watch` in a second terminal, on a free port; `render prometheus` then knows it |
| systemd | `parley-probe.service`, where `app.metrics_port` is set, on the port after the last instance's |
| Compose | the service `probe` of the profile `monitoring` |

It goes through the host's own nginx, at the name `localhost`: what stands in front of the host it does not see. After
each message that came back it shakes hands once for each name of `site.hosts`, as a browser does: with the system's
authorities, and with this machine's own certificate where it made one. What a browser would refuse is a line of its log
and `parley_probe_certificate_accepted` 0; the message is none the later for it.

"""


def text() -> str:
    """Return the page."""
    return f"{HEAD}\n## Metrics\n\n{_metrics()}\n## Alerts\n\n{_alerts()}\n{PROBE}{LOGS}"


def _metrics() -> str:
    rows = ["| metric | type | labels | what |", "|---|---|---|---|"]
    for metric in own():
        name = f"{metric.name}_total" if metric.type == "counter" else metric.name
        labels = LABELS.get(metric.name, "")
        rows.append(f"| `{name}` | {metric.type} | {labels} | {metric.documentation} |")
    return "\n".join(rows) + "\n"


def _alerts() -> str:
    rows = ["| alert | severity | for | fires when | what to do |", "|---|---|---|---|---|"]
    for alert in alerts():
        expression = alert["expr"].replace("|", r"\|")
        rows.append(
            f"| {alert['alert']} | {alert['labels']['severity']} | {alert.get('for', 'at once')} | `{expression}` "
            f"| {_runbook(alert['annotations']['runbook'])} |"
        )
    return "\n".join(rows) + "\n"


def _runbook(name: str) -> str:
    return f"[{name}](runbooks/{name}.md)" if (PAGE.parent / "runbooks" / f"{name}.md").exists() else name


if __name__ == "__main__":
    PAGE.write_text(text())
