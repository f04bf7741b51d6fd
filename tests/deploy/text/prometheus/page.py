"""docs/metrics.md, after a meant change: `PYTHONPATH=app:. .venv/bin/python -m tests.deploy.text.prometheus.page`."""

from tests.checkout import ROOT
from tests.deploy.text.prometheus.rendered import alerts, own

LABELS = {"parley_refused": "`code`", "parley_turned_away": "`limit`", "parley_probe_failures": "`reason`"}
PAGE = ROOT / "docs" / "metrics.md"
HEAD = """# Metrics, alerts and logs

Each instance serves its own `/metrics`: on loopback, or in a container on its site's networks. nginx never serves it
([why](decisions/metrics.md)). `app.metrics_port` is the port of web-1; web-2 has the next one. When a worker dies, its
counters are gone, and those of the next worker begin at 0. Prometheus handles that as a counter reset. `process_*` and
`python_*` are prometheus_client's own metrics.

```sh
./parley render prometheus --out .parley/prometheus
prometheus --config.file .parley/prometheus/prometheus.yml --storage.tsdb.path .parley/prometheus/data
```

The first command writes `prometheus.yml`, the alerts (`rules.yml`) and a Grafana dashboard to import
(`dashboard.json`):

- without `--env`, for the `./parley up` that runs on this machine;
- with `--env systemd`, for an installed host that has `app.metrics_port` set; Prometheus must run on the same host as
  the instances;
- with `--env compose`, for reading, and for the dashboard. Compose has its own Prometheus, in the [profile
  `monitoring`](deploying.md#metrics-and-alerts), and `setup` writes its files. There, `ParleyInstanceDown` also fires
  for `a replica` while there are fewer than `PARLEY_REPLICAS`.

With `--project FOLDER` it does the same for [your project](your-project.md), and so does the profile `monitoring`. What
only the chat counts is left out, for your project has none of it: the alerts ParleyDatabaseNotWritable,
ParleyDatabaseNotReadable, ParleyLayerDown, ParleyPublishDropped and ParleyMessagesLate, and the panels of messages and
the log. What your own database and Redis say is in the doctor and in `/.parley/readyz`.

This page is generated. A test compares it with the code.
"""

LOGS = """## Logs

With `app.log_format = "json"` each line of the app is a JSON object. `request` or `socket` is the id of the request or
handshake; nginx's access log has the same id as `request`. `user` is the id of the user who is logged in. A line that
belongs to no request or user has no such field. A test,
`tests/deploy/stacks/local/test_logs.py::test_lines_have_ids_and_no_secrets`, searches the log of a run at `debug` for
query strings, cookies, passwords, tickets and message texts.

A refused request (status 400 to 499) leaves one line with the reason and no traceback; the reason of an exception is in
the field `reason`. A traceback is a bug in Parley: a status of 500 or higher, or an error in a background task.
`tests/app/parley_serving/test_logs.py::test_a_refusal_is_one_line` checks that.
"""

PROBE = """## The probe

`./parley watch` takes the same way as a visitor, every 15 seconds. It connects over wss through the edge, with its own
session, enters `_probe` (a members-only room that nobody else is in), sends a message, and waits until it comes back. A
try fails after 10 seconds. The reasons of a failure:

| reason | what went wrong |
|---|---|
| `login` | the app gave no session: look at its database |
| `connect` | nobody answers, or no TLS |
| `certificate` | it expired, or names a different site |
| `handshake` | the answer was not a WebSocket upgrade |
| `refused` | the answer was an error, or the socket was closed |
| `late` | the message did not come back in time |

The room keeps its newest 1000 messages.

Of [your project](your-project.md) no room and no frame is known. There the probe asks for the page of
`project.health`, or for `/.parley/healthz`, and for a handshake under each prefix of `project.sockets`. A handshake
that your project refuses has been answered; status 500 and above is `refused`. `parley_probe_up` is then 1 while the
site answers.

| stack | how it runs |
|---|---|
| `up` | `./parley watch` in a second terminal, on a free port; `render prometheus` then finds it |
| systemd | `parley-probe.service`, if `app.metrics_port` is set, on the port after the last instance's |
| Compose | the service `probe` of the profile `monitoring` |

The probe goes through the host's own nginx, at the name `localhost`, so it does not see what is in front of the host.
After each message that came back, it also opens a TLS connection for each name of `site.hosts`, and checks the
certificate as a browser does: with the system's certificate authorities, and with this machine's own certificate if it
created one. If a browser would refuse the certificate, the log has a line and `parley_probe_certificate_accepted` is 0.
This does not delay the message.

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
