"""How Prometheus is started: on the loopback interface, with the shipped rules."""

import stat
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from llmbatch_stack.components import prometheus
from llmbatch_stack.credentials import load_or_create
from llmbatch_stack.process.component import Component, StepError, Steps
from llmbatch_stack.settings import Settings, load


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    folder = tmp_path / "monitoring"
    folder.mkdir(mode=0o700)
    (folder / "gateway-key").write_text("key")  # no gateway answers here, so it is kept
    return replace(load({}), state=tmp_path, port_base=1024)


def _prepare(settings: Settings) -> Component:
    component = prometheus.component(settings, load_or_create(settings))
    assert component.prepare is not None
    component.prepare(Steps(settings.state / "log", str(settings.state), threading.Event()))
    return component


def test_it_listens_on_the_loopback_and_reads_a_private_configuration(settings: Settings):
    component = _prepare(settings)
    assert "--web.listen-address=127.0.0.1:1080" in component.command
    config = settings.state / "monitoring" / "prometheus.yml"
    assert f"--config.file={config}" in component.command
    assert stat.S_IMODE(config.stat().st_mode) == 0o600


def test_the_shipped_rules_and_jobs_are_used(settings: Settings):
    _prepare(settings)
    config = yaml.safe_load((settings.state / "monitoring" / "prometheus.yml").read_text())
    shipped = yaml.safe_load((settings.repo / "config" / "prometheus" / "prometheus.yml").read_text())
    rules = settings.repo / "config" / "prometheus"
    assert config["rule_files"] == [str(rules / name) for name in shipped["rule_files"]]
    assert all(Path(name).exists() for name in config["rule_files"])
    assert config["global"] == shipped["global"]
    jobs = {job["job_name"]: job for job in config["scrape_configs"]}
    assert jobs.keys() == {"llmbatch", "statsd", "ray", "prometheus", "alertmanager"}
    assert jobs["llmbatch"]["metrics_path"] == "/llmbatch/metrics"
    assert jobs["llmbatch"]["authorization"]["credentials_file"] == str(settings.state / "monitoring" / "gateway-key")


@pytest.mark.parametrize(("text", "reason"), [(None, "does not exist"), ("[]", "holds list instead of a mapping")])
def test_an_unusable_configuration_is_named_with_the_remedy(settings: Settings, text: str | None, reason: str):
    folder = settings.state / "rendered"
    (folder / "prometheus").mkdir(parents=True)
    if text is not None:
        (folder / "prometheus" / "prometheus.yml").write_text(text)
    with pytest.raises(StepError, match=rf"prometheus.yml {reason}; run `make monitoring`"):
        _prepare(replace(settings, monitoring=folder))
