"""What is rendered for Prometheus and Grafana names what exists, and each alert fires when it should and only then."""

import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from prometheus_client import REGISTRY

from deploy.operations import render
from tests.deploy.text.prometheus.page import PAGE, text
from tests.deploy.text.prometheus.rendered import NAME, alerts, own, panels, write
from tests.programs import needed

AT = "2m30s"
WEB = {"instance": "web-1", "job": "parley"}
PROBE = {"instance": "probe", "job": "probe"}
UP = 'parley_probe_up{instance="probe",job="probe"}'
EXPIRES = 'parley_probe_certificate_expires_seconds{instance="probe",job="probe"}'
LIFETIME = 'parley_probe_certificate_lifetime_seconds{instance="probe",job="probe"}'
ACCEPTED = 'parley_probe_certificate_accepted{instance="probe",job="probe"}'
FORTNIGHT = 14 * 86_400
SENT = {
    bound: f'parley_sent_seconds_bucket{{instance="web-1",job="parley",le="{bound}"}}'
    for bound in ("0.5", "1.0", "+Inf")
}


class Case(NamedTuple):
    """Series (one value every 15 s) with which an alert fires, others with which it just does not, and what it says."""

    fires: dict[str, str]
    quiet: dict[str, str]
    summary: str
    labels: dict[str, str] = WEB


def of(metric: str, fires: str, quiet: str, summary: str) -> Case:
    """Make a case of one series."""
    series = f'{metric}{{instance="web-1",job="parley"}}'
    return Case({series: fires}, {series: quiet}, summary)


CASES = {
    "ParleyInstanceDown": of("up", "1x4 0x9", "1x4 0x1 1x9", "does not answer a scrape: it is gone, or its loop hangs"),
    "ParleyInstanceRestarts": of(
        "process_start_time_seconds", "1x2 2x2 3x2 4x9", "1x2 2x2 3x9", "got a new worker 3 times in 15 minutes"
    ),
    "ParleyDatabaseNotWritable": of(  # quiet where a worker's successor begins at 0 again
        "parley_commits_failed_total", "0x8 1x9", "5x8 0x9", "could not store messages; their senders repeat them"
    ),
    "ParleyDatabaseNotReadable": of(
        "parley_polls_failed_total",
        "0x8 1x9",
        "5x8 0x9",
        "could not read the rooms' heads; what the layer loses stays lost meanwhile",
    ),
    "ParleyLayerDown": of(
        "parley_layer_well",
        "1x4 0x9",
        "1x7 0x1 1x9",
        "gets nothing through Redis: what other instances store comes by the poll",
    ),
    "ParleyEdgeLost": of(
        "parley_edge",
        "1x4 0x9",
        "1x7 0x1 1x9",
        "has no connection to nginx: it does not notice a reload, which then cuts its sockets",
    ),
    "ParleyPublishDropped": of(
        "parley_publish_dropped_total",
        "0x8 500x9",
        "500x8 0x9",
        "has more to publish than Redis takes; other instances get it by the poll",
    ),
    "ParleyMessagesLate": Case(
        {SENT["0.5"]: "0x40", SENT["1.0"]: "0+10x40", SENT["+Inf"]: "0+10x40"},
        {SENT["0.5"]: "0+10x40", SENT["1.0"]: "0+10x40", SENT["+Inf"]: "0+10x40"},
        "answers `sent` late: one batch in ten later than 950ms",
        {"instance": "web-1"},
    ),
    "ParleySocketsNearlyFull": of(
        "parley_sockets", "3687x20", "3686x20", "has 3687 of 4096 sockets: more are closed with 1013"
    ),
    "ParleyProbeFails": Case(  # a probe that is gone has no last word
        {UP: "1x4 _x9", 'up{instance="probe",job="probe"}': "1x4 0x9"},
        {UP: "1x4 0x1 1x9", 'up{instance="probe",job="probe"}': "1x20"},
        "sends messages through the edge and gets none back, or is gone itself",
        PROBE,
    ),
    "ParleyCertificateExpires": Case(  # AT counts from the epoch here
        {EXPIRES: f"{FORTNIGHT + 149}x20", LIFETIME: f"{90 * 86_400}x20"},
        {EXPIRES: f"{FORTNIGHT + 151}x20", LIFETIME: f"{90 * 86_400}x20"},
        "is shown a certificate that ends in 13d 23h 59m 59s",
        PROBE,
    ),
    "ParleyCertificateRefused": Case(
        {ACCEPTED: "1x4 0x20"},
        {ACCEPTED: "1x4 0x1 1x9"},
        "is shown a certificate that browsers refuse: it lacks a name of the site, its chain, or an authority",
        PROBE,
    ),
}


def promtool(*arguments: str | Path) -> None:
    """Run it, and fail with what it says."""
    done = subprocess.run([needed("promtool", "prometheus"), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_takes_its_configuration(tmp_path: Path) -> None:
    """promtool reads both files."""
    write(tmp_path)
    promtool("check", "config", tmp_path / "prometheus.yml")


def test_it_takes_that_of_compose_too(tmp_path: Path) -> None:
    """There a replica that is gone is no target: an alert is due for one that hangs, and for each that is missing."""
    render.write_prometheus("compose", None, None, tmp_path)
    promtool("check", "config", tmp_path / "prometheus.yml")
    name = "ParleyInstanceDown"
    first, second = (f'up{{instance="10.0.0.{one}",job="parley"}}' for one in (2, 3))

    def fired(instance: str, summary: str, **labels: str) -> list[dict[str, Any]]:
        annotations = {"summary": f"{instance} {summary}", "runbook": "instance-down"}
        return [{"exp_labels": {"instance": instance, "severity": "page", **labels}, "exp_annotations": annotations}]

    missing = fired("a replica", "is missing: it is gone, and nothing has started it again")
    groups = [
        _group(name, {first: "1x12", second: "1x12"}, []),
        _group(name, {first: "1x12", second: "1x4 0x9"}, fired("10.0.0.3", CASES[name].summary, job="parley")),
        _group(name, {first: "1x12", second: "1x5 0x9"}, []),  # it may have been replaced, and not be forgotten yet
        _group(name, {first: "1x12", second: "1x6 stale"}, missing),
        _group(name, {first: "1x6 stale", second: "1x6 stale"}, missing),
    ]
    tests = tmp_path / "tests.yml"
    tests.write_text(yaml.safe_dump({"rule_files": ["rules.yml"], "evaluation_interval": "15s", "tests": groups}))
    promtool("test", "rules", tests)


def test_every_alert_has_its_case() -> None:
    """None goes without, and none is for an alert that is no more."""
    assert [alert["alert"] for alert in alerts()] == list(CASES)


@pytest.mark.parametrize("name", CASES)
def test_an_alert_fires_and_is_quiet(tmp_path: Path, name: str) -> None:
    """promtool runs the rendered rules over the case's series."""
    write(tmp_path)
    case = CASES[name]
    (rule,) = (alert for alert in alerts() if alert["alert"] == name)
    fired = {
        "exp_labels": case.labels | rule["labels"],
        "exp_annotations": {
            "summary": f"{case.labels['instance']} {case.summary}",
            "runbook": rule["annotations"]["runbook"],
        },
    }
    tests = tmp_path / "tests.yml"
    groups = [_group(name, case.fires, [fired]), _group(name, case.quiet, [])]
    tests.write_text(yaml.safe_dump({"rule_files": ["rules.yml"], "evaluation_interval": "15s", "tests": groups}))
    promtool("test", "rules", tests)


@pytest.mark.parametrize(("hours", "due"), [(49, False), (47, True)])
def test_a_certificate_of_six_days_is_due_in_its_last_third(tmp_path: Path, hours: int, due: bool) -> None:
    """A fortnight before its end would be for ever."""
    write(tmp_path)
    name = "ParleyCertificateExpires"
    rule = next(alert for alert in alerts() if alert["alert"] == name)
    summary = f"{PROBE['instance']} is shown a certificate that ends in 1d 22h 57m 30s"
    annotations = {"summary": summary, "runbook": rule["annotations"]["runbook"]}
    fired = [{"exp_labels": PROBE | rule["labels"], "exp_annotations": annotations}]
    series = {EXPIRES: f"{hours * 3600}x20", LIFETIME: f"{6 * 86_400}x20"}
    groups = [_group(name, series, fired if due else [])]
    tests = tmp_path / "tests.yml"
    tests.write_text(yaml.safe_dump({"rule_files": ["rules.yml"], "evaluation_interval": "15s", "tests": groups}))
    promtool("test", "rules", tests)


def _group(name: str, series: dict[str, str], expected: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "interval": "15s",
        "input_series": [{"series": one, "values": values} for one, values in series.items()],
        "alert_rule_test": [{"eval_time": AT, "alertname": name, "exp_alerts": expected}],
    }


def samples() -> set[str]:
    """Return the name of every sample that a process may serve."""
    found = {f"{metric.name}_total" for metric in own() if metric.type == "counter"}  # before its first label, too
    return found | {sample.name for metric in [*REGISTRY.collect(), *own()] for sample in metric.samples}


@pytest.mark.parametrize("title", panels())
def test_a_panel_asks_for_what_exists(title: str) -> None:
    """Else it would be empty for ever."""
    for query in panels()[title]:
        named = set(NAME.findall(query))
        assert named or query.startswith("up{")
        assert named <= samples()


def test_an_alert_asks_for_what_exists() -> None:
    """Else it would never fire."""
    for alert in alerts():
        named = set(NAME.findall(alert["expr"]))
        assert named or alert["expr"].startswith("up{")
        assert named <= samples()


def test_few_metrics_are_on_no_panel() -> None:
    """Those that are on none are named here, so that a new one is decided about."""
    shown = {name for queries in panels().values() for query in queries for name in NAME.findall(query)}
    hidden = {metric.name for metric in own() if not any(name.startswith(metric.name) for name in shown)}
    counted = {"parley_subscriptions", "parley_behind", "parley_feeds", "parley_groups", "parley_people"}
    assert hidden == counted | {"parley_probe_certificate_lifetime_seconds", "parley_probe_certificate_accepted"}


def test_the_page_says_what_is() -> None:
    """docs/metrics.md is what its generator writes."""
    assert PAGE.read_text() == text()
