"""Whom Prometheus is told to ask."""

from pathlib import Path

import pytest
import yaml

from deploy.errors import BadInputError
from deploy.model import config
from deploy.operations import render

LOADED = config.load


def test_an_installed_host_has_its_ports_of_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """web-1 on the port that is named, the others on the next ones."""

    def loaded(overrides: config.Overrides, *, env: str, project: Path | None) -> config.Config:
        return LOADED({**overrides, "app": {"metrics_port": 9100, "instances": 3}}, env=env, project=project)

    monkeypatch.setattr(render, "load", loaded)
    render.write_prometheus("systemd", None, 5, tmp_path)
    found = yaml.safe_load((tmp_path / "prometheus.yml").read_text())
    assert found["global"]["scrape_interval"] == "5s"
    assert found["scrape_configs"][0]["static_configs"] == [
        {"targets": [f"127.0.0.1:{9099 + number}"], "labels": {"instance": f"web-{number}"}} for number in (1, 2, 3)
    ]
    assert found["scrape_configs"][1] == {
        "job_name": "probe",
        "static_configs": [{"targets": ["127.0.0.1:9103"], "labels": {"instance": "probe"}}],
    }


def test_the_replicas_of_compose_are_found_by_their_name(tmp_path: Path) -> None:
    """Docker's DNS has their addresses; the alerts know how many there should be."""
    render.write_prometheus("compose", None, None, tmp_path)
    found = yaml.safe_load((tmp_path / "prometheus.yml").read_text())
    assert found["global"]["scrape_interval"] == "15s"
    assert found["scrape_configs"][0]["dns_sd_configs"] == [
        {"names": ["web."], "type": "A", "port": 9100, "refresh_interval": "15s"}
    ]
    assert "static_configs" not in found["scrape_configs"][0]


@pytest.mark.parametrize(
    ("env", "folder", "why"),
    [
        ("systemd", None, "app.metrics_port is 0"),
        ("compose", Path("/srv"), "--dir and PARLEY_DIR are for the local stack"),
        ("systemd", Path("/srv"), "--dir and PARLEY_DIR are for the local stack"),
        ("local", Path("/nonexistent"), "no `./parley up` runs"),
    ],
)
def test_who_cannot_be_asked_is_said(tmp_path: Path, env: str, folder: Path | None, why: str) -> None:
    """One line, and nothing is written."""
    with pytest.raises(BadInputError, match=why):
        render.write_prometheus(env, folder, 15, tmp_path)
    assert not list(tmp_path.iterdir())
