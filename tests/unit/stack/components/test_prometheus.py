"""How Prometheus is started: on the loopback interface, with the shipped rules and the targets of this stack."""

import json
import stat
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from llmbatch_stack.components import prometheus
from llmbatch_stack.components.gateway_key import GatewayKey
from llmbatch_stack.credentials import load_or_create
from llmbatch_stack.process.component import StepError, Steps
from llmbatch_stack.settings import Settings, load


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return replace(load({}), state=tmp_path, port_base=1024)  # nothing listens there


@pytest.fixture
def copy(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the configuration after the step before the start."""
    monkeypatch.setattr(GatewayKey, "ensure", lambda self: self.path.write_text("key"))
    _prepare(settings)
    return settings.state / "monitoring" / "prometheus"


def _prepare(settings: Settings) -> None:
    component = prometheus.component(settings, load_or_create(settings))
    assert component.prepare is not None
    component.prepare(Steps(settings.state / "log", str(settings.state), threading.Event()))


def test_it_listens_on_the_loopback_only(settings: Settings):
    command = prometheus.component(settings, load_or_create(settings)).command
    assert "--web.listen-address=127.0.0.1:1080" in command
    assert f"--config.file={settings.state}/monitoring/prometheus/prometheus.yml" in command


def test_the_shipped_files_are_used_unchanged(settings: Settings, copy: Path):
    shipped = settings.repo / "config" / "prometheus"
    for name in ("prometheus.yml", "rules.yml"):
        assert (copy / name).read_bytes() == (shipped / name).read_bytes()


def test_every_file_that_the_configuration_names_is_there(settings: Settings, copy: Path):
    config = yaml.safe_load((copy / "prometheus.yml").read_text())
    discoveries = [*config["scrape_configs"], *config["alerting"]["alertmanagers"]]
    named = {name for each in discoveries for found in each["file_sd_configs"] for name in found["files"]}
    named |= {job["authorization"]["credentials_file"] for job in config["scrape_configs"] if "authorization" in job}
    assert "secrets/gateway-key" in named
    ray = copy / "targets" / "ray.json"
    assert {copy / name for name in named} == {ray, *(each for each in copy.glob("*/*") if each.exists())}
    assert ray.readlink() == settings.ray_folder / "ray" / "prom_metrics_service_discovery.json"
    assert json.loads((copy / "targets" / "llmbatch.yml").read_text()) == [{"targets": ["127.0.0.1:1024"]}]


def test_it_is_prepared_again_after_a_crash(settings: Settings, copy: Path):
    _prepare(settings)


def test_its_folder_is_closed_to_others(settings: Settings, copy: Path):
    assert stat.S_IMODE((settings.state / "monitoring").stat().st_mode) == 0o700


def test_a_missing_configuration_is_named_with_the_remedy(settings: Settings, tmp_path: Path):
    with pytest.raises(StepError, match=r"prometheus.yml does not exist; run `make monitoring`"):
        _prepare(replace(settings, monitoring=tmp_path))
