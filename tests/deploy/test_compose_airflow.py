"""What Airflow's services of docker-compose.yaml get, and what monitoring finds."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from composed import FOLDER, ROOT, Document, services

AIRFLOW = ("api-server", "scheduler", "dag-processor", "triggerer", "worker")
OF_PROVIDERS = {
    ("celery", "broker_url"): True,
    ("celery", "worker_concurrency"): False,
    ("celery_broker_transport_options", "visibility_timeout"): False,
}
"""Options of apache-airflow-providers-celery 3.26.0, which only the image has, and whether they are sensitive."""
VARIABLE = re.compile(r"AIRFLOW__(?P<section>[A-Z0-9_]+?)__(?P<option>[A-Z0-9_]+?)(?P<command>_CMD)?$")


_COMMANDS = ("cat /run/secrets/", "/opt/llmbatch/compose/")


def of_airflow() -> dict[str, Document]:
    return {name: each for name, each in services().items() if each["image"].startswith("llmbatch-airflow:")}


def options() -> dict[tuple[str, str], bool]:
    """Return the options that the installed Airflow has, and whether they are sensitive."""
    from airflow.configuration import retrieve_configuration_description

    described: dict[str, Any] = retrieve_configuration_description(include_providers=False)
    return {
        (section, name): bool(option.get("sensitive"))
        for section, content in described.items()
        for name, option in content["options"].items()
    } | OF_PROVIDERS


def test_all_parts_of_airflow_and_the_gateway_are_there() -> None:
    assert set(of_airflow()) == {f"airflow-{part}" for part in (*AIRFLOW, "init")} | {"gateway"}


def test_every_part_has_the_same_plugin_settings_and_keys() -> None:
    """The DAG's order of starts and deadlines are in the plugin; tasks, triggers and API open store and Ray."""
    reference = of_airflow()["airflow-scheduler"]
    own = {"gateway": {"AIRFLOW__API__BASE_URL"}, "airflow-init": {"LLMBATCH_RAY_SLOTS"}}
    for name, service in of_airflow().items():
        differing = dict(service["environment"].items() ^ reference["environment"].items())
        assert set(differing) == own.get(name, set()), name
        assert service["volumes"] == reference["volumes"], name
        assert service["entrypoint"] == reference["entrypoint"], name
        secrets = {secret["source"] for secret in service["secrets"]}
        assert secrets - {secret["source"] for secret in reference["secrets"]} == (
            {"airflow_admin_password"} if name == "airflow-init" else set()
        )
    assert reference["environment"]["AIRFLOW__CORE__PLUGINS_FOLDER"] == "/opt/llmbatch/plugins"


def test_every_variable_names_an_option_of_airflow() -> None:
    known = options()
    for name in {name for service in of_airflow().values() for name in service["environment"]}:
        if not name.startswith("AIRFLOW__"):
            continue
        found = VARIABLE.match(name)
        assert found is not None, name
        option = (found["section"].lower(), found["option"].lower())
        assert option in known, f"{name}: Airflow has no such option"
        assert known[option] or not found["command"], f"{name}: Airflow runs commands for sensitive options only"


def test_no_service_has_a_secret_in_its_environment() -> None:
    secret = re.compile(r"PASSWORD|SECRET|TOKEN|KEY|SQL_ALCHEMY_CONN|BROKER_URL|CREDENTIALS")
    for name, service in services().items():
        for variable, value in (service.get("environment") or {}).items():
            if secret.search(variable) and not variable.startswith("AIRFLOW__SECRETS__BACKEND"):
                is_path = value.startswith("/run/secrets/")
                is_command = variable.endswith("_CMD") and value.startswith(_COMMANDS)
                assert is_path or is_command, f"{name}: {variable}"
            assert "://:" not in str(value), f"{name}: {variable}"
            assert not re.search(r"://[^/]*:[^/]*@", str(value)), f"{name}: {variable}"


@pytest.mark.parametrize("job", ["llmbatch", "statsd", "ray", "prometheus", "alertmanager"])
def test_prometheus_has_targets_for_each_job(job: str) -> None:
    config = yaml.safe_load((ROOT / "config" / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    [scrape] = [each for each in config["scrape_configs"] if each["job_name"] == job]
    assert len(config["scrape_configs"]) == 5
    [path] = scrape["file_sd_configs"][0]["files"]
    file = FOLDER / "prometheus" / path
    if job == "ray":
        ray = services()["ray-head"]
        assert str(file.readlink()) == f"{ray['environment']['RAY_TMPDIR']}/ray/prom_metrics_service_discovery.json"
        for service in (ray, services()["prometheus"]):
            mounted = {(volume["source"], volume["target"]) for volume in service["volumes"]}
            assert ("ray-head", ray["environment"]["RAY_TMPDIR"]) in mounted
        return
    [entry] = yaml.safe_load(file.read_text(encoding="utf-8"))
    [target] = entry["targets"]
    host = target.partition(":")[0]
    assert host in services() or host == "localhost"


def test_the_key_of_prometheus_is_where_its_configuration_looks() -> None:
    config = yaml.safe_load((ROOT / "config" / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    file = config["scrape_configs"][0]["authorization"]["credentials_file"]
    [secret] = services()["prometheus"]["secrets"]
    assert secret == {"source": "gateway_metrics_key", "target": f"/etc/prometheus/{file}"}


def test_airflow_sends_its_events_to_the_exporter() -> None:
    environment = services()["airflow-scheduler"]["environment"]
    assert environment["AIRFLOW__METRICS__STATSD_HOST"] in services()
    port = environment["AIRFLOW__METRICS__STATSD_PORT"]
    assert f"--statsd.listen-udp=:{port}" in services()["statsd-exporter"]["command"]


def test_grafana_has_the_rendered_data_source_at_the_service() -> None:
    path = "datasources/llmbatch.yml"
    rendered = (ROOT / "config" / "grafana" / "provisioning" / path).read_text(encoding="utf-8")
    ours = (FOLDER / "grafana" / path).read_text(encoding="utf-8")
    there = rendered.replace("http://localhost:9090", "http://prometheus:9090")
    assert yaml.safe_load(ours) == yaml.safe_load(there)
