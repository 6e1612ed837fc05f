"""The files of `deploy/kubernetes` fit together: secrets, connections, what is scraped, and the page that uses them."""

from __future__ import annotations

import json
import re

import yaml

from kubernetes_files import EXECUTORS, GENERATED, OBJECTS, RAY_CLUSTER, ROOT, documents, found, values
from llmbatch.core.config import load_config

SECRETS = {
    "ray-token": {"auth_token"},
    "ray-s3": {"credentials"},
    "airflow-connections": {"AIRFLOW_CONN_LLMBATCH_S3", "AIRFLOW_CONN_LLMBATCH_RAY"},
    "airflow-metadata": {"connection"},
    "airflow-fernet": {"fernet-key"},
    "airflow-api-secret": {"api-secret-key"},
    "airflow-jwt": {"jwt-secret"},
    "airflow-broker": {"connection"},
    "airflow-redis": {"password"},
    "llmbatch-metrics-key": {"key"},
}
TLS = {"llmbatch-tls", "airflow-tls"}


def used_secrets() -> dict[str, set[str]]:
    """Return the secrets that anything names, with the keys that it names."""
    used: dict[str, set[str]] = {}
    for document in OBJECTS.values():
        for reference in found(document, "secretKeyRef"):
            used.setdefault(reference["name"], set()).add(reference["key"])
        for reference in found(document, "credentials"):
            used.setdefault(reference["name"], set()).add(reference["key"])
        for reference in found(document, "secretRef"):
            used.setdefault(reference["name"], set())
        for name in found(document, "secretName"):
            used.setdefault(name, set())
    for executor in EXECUTORS:
        chart = values(executor)
        for entry in chart["secret"]:
            used.setdefault(entry["secretName"], set()).add(entry["secretKey"])
        for key in ("fernetKeySecretName", "apiSecretKeySecretName", "jwtSecretName"):
            used.setdefault(chart[key], set())
        for name in [*chart["data"].values(), *found(chart, "passwordSecretName"), *found(chart, "secretName")]:
            used.setdefault(name, set())
    return used


def test_each_secret_is_known_and_made_by_the_page() -> None:
    used = used_secrets()
    assert used.keys() == SECRETS.keys() | TLS
    assert {
        name: keys - SECRETS.get(name, set()) for name, keys in used.items() if keys - SECRETS.get(name, set())
    } == {}
    page = (ROOT / "docs" / "kubernetes.md").read_text()
    made = dict(re.findall(r"create secret generic ([\w-]+)((?:.|\\\n)*?)\n(?!\s*--)", page))
    assert made.keys() == SECRETS.keys()
    for name, text in made.items():
        assert set(re.findall(r"--from-(?:file|literal)=([\w-]+)=", text)) == SECRETS[name], name


def test_connections_lead_to_the_head_of_the_cluster() -> None:
    page = (ROOT / "docs" / "kubernetes.md").read_text()
    cluster = RAY_CLUSTER["metadata"]["name"]
    assert f'"host": "http://{cluster}-head-svc"' in page
    ports = [
        port["containerPort"]
        for port in RAY_CLUSTER["spec"]["headGroupSpec"]["template"]["spec"]["containers"][0]["ports"]
    ]
    assert 8265 in ports
    connections = {entry["envName"] for entry in values("CeleryExecutor")["secret"]}
    config = load_config(ROOT / "config" / "config.yaml")
    assert connections == {f"AIRFLOW_CONN_{name.upper()}" for name in (config.store.conn_id, config.ray.conn_id)}


def test_monitors_have_the_jobs_of_the_rules() -> None:
    monitors = [each for each in OBJECTS.values() if each["kind"].endswith("Monitor")]
    relabelled = {
        endpoint["relabelings"][0]["replacement"]
        for monitor in monitors
        for endpoint in [*monitor["spec"].get("endpoints", []), *monitor["spec"].get("podMetricsEndpoints", [])]
    }
    rules = (ROOT / "config" / "prometheus" / "rules.yml").read_text()
    assert relabelled == set(re.findall(r'job="(\w+)"', rules))
    scraped = yaml.safe_load((ROOT / "config" / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    [ray] = [job["metric_relabel_configs"] for job in scraped if job["job_name"] == "ray"]
    [kept] = [list(found(monitor, "metricRelabelings")) for monitor in monitors if monitor["kind"] == "PodMonitor"]
    as_prometheus = json.dumps(kept[0]).replace("sourceLabels", "source_labels")
    assert json.loads(as_prometheus) == ray


def test_rules_are_those_of_prometheus() -> None:
    rules = yaml.safe_load((ROOT / "config" / "prometheus" / "rules.yml").read_text())
    assert next(documents(GENERATED / "prometheus-rule.yaml"))["spec"] == rules
    mapping = yaml.safe_load((ROOT / "config" / "statsd" / "mapping.yml").read_text())["mappings"]
    assert values("CeleryExecutor")["statsd"]["overrideMappings"] == mapping
