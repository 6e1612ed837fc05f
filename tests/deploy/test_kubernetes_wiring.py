"""The files of `deploy/kubernetes` fit together: secrets, connections, what is scraped, and the page that uses them."""

from __future__ import annotations

import json
import re

import yaml

from kubernetes_files import EXECUTORS, GENERATED, OBJECTS, PODS, RAY_CLUSTER, ROOT, documents, found, values
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


def labels_of(kind: str) -> list[dict[str, str]]:
    """Return the labels of the pods of all objects of a kind; those of Ray are KubeRay's own."""
    if kind == "RayCluster":
        ours = {"ray.io/cluster": RAY_CLUSTER["metadata"]["name"]}
        return [{**ours, "ray.io/node-type": node} for node in ("head", "worker")]
    return [each["spec"]["template"]["metadata"]["labels"] for each in OBJECTS.values() if each["kind"] == kind]


def test_selectors_find_pods() -> None:
    pods = [*labels_of("Deployment"), *labels_of("RayCluster")]
    selectors = []
    for document in OBJECTS.values():
        spec = document.get("spec", {})
        if document["kind"] == "Service":
            selectors.append(spec["selector"])
        elif document["kind"] in {"PodDisruptionBudget", "NetworkPolicy", "PodMonitor", "ServiceMonitor", "Deployment"}:
            selectors.append((spec.get("selector") or spec["podSelector"])["matchLabels"])
    of_the_chart = [each for each in selectors if each.get("tier") == "airflow"]
    lost = [each for each in selectors if not any(each.items() <= labels.items() for labels in pods)]
    assert lost == of_the_chart == [{"tier": "airflow", "component": "statsd"}]
    assert len(selectors) == 10


def test_names_inside_of_a_pod_exist() -> None:
    for name, pod in PODS.items():
        volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
        mounts = {mount["name"] for container in pod["spec"]["containers"] for mount in container["volumeMounts"]}
        assert mounts == volumes, name
        ports = {port["name"] for container in pod["spec"]["containers"] for port in container.get("ports", [])}
        probed = {
            probe[how]["port"]
            for probe_name in ("startupProbe", "readinessProbe", "livenessProbe")
            for probe in found(pod, probe_name)
            for how in ("httpGet", "tcpSocket")
            if how in probe
        }
        assert {port for port in probed if isinstance(port, str)} <= ports, name
        assert all(len(port) <= 15 for port in ports), name
    head = PODS["ray-cluster.yaml:RayCluster/llmbatch/head"]["spec"]
    beside = {mount["name"] for mount in RAY_CLUSTER["spec"]["autoscalerOptions"]["volumeMounts"]}
    assert beside <= {volume["name"] for volume in head["volumes"]}


def test_each_config_map_is_made_by_the_page() -> None:
    page = (ROOT / "docs" / "kubernetes.md").read_text()
    made = set(re.findall(r"create configmap ([\w-]+)", page))
    everything = [*OBJECTS.values(), *(values(executor) for executor in EXECUTORS)]
    used = {
        source["name"] for key in ("configMap", "configMapRef") for each in everything for source in found(each, key)
    }
    assert used == made == {"llmbatch-config", "llmbatch-store"}
