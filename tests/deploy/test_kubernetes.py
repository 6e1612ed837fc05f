"""The files of `deploy/kubernetes` are of the kinds that they name, and locked down. No cluster has run them."""

from __future__ import annotations

import re
from typing import Any

import pytest

from kubernetes_files import EXECUTORS, FOLDER, OBJECTS, PODS, RAY_CLUSTER, ROOT, found, values
from kubernetes_schemas import chart_schema, faults, schema_of
from llmbatch.version import VERSION
from monitoring.kubernetes import NAMESPACE

each_object = pytest.mark.parametrize("document", OBJECTS.values(), ids=OBJECTS.keys())
each_executor = pytest.mark.parametrize("executor", sorted(EXECUTORS))
each_pod = pytest.mark.parametrize("pod", PODS.values(), ids=PODS.keys())


@each_object
def test_it_is_of_its_kind(document: dict[str, Any]) -> None:
    assert faults(document, schema_of(document)) == []
    if document["kind"] == "Namespace":
        assert document["metadata"]["name"] == NAMESPACE
    else:
        assert document["metadata"]["namespace"] == NAMESPACE
    assert document["metadata"]["labels"]["app.kubernetes.io/part-of"] == "llmbatch"


@each_executor
def test_values_are_those_of_the_chart(executor: str) -> None:
    assert faults(values(executor), chart_schema()) == []
    assert values(executor)["executor"] == executor


@each_pod
def test_a_pod_is_locked_down(pod: dict[str, Any]) -> None:
    spec = pod["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["enableServiceLinks"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
    assert {kind for volume in spec["volumes"] for kind in volume} <= {"name", "emptyDir", "configMap", "secret"}
    for container in spec["containers"]:
        context = container["securityContext"]
        assert context == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {*container["resources"]["limits"]} >= {*container["resources"]["requests"]} >= {"cpu", "memory"}
        assert "/tmp" in [mount["mountPath"] for mount in container["volumeMounts"]]


def test_tokens_of_kubernetes_are_where_they_are_used() -> None:
    mounting = {name for name, pod in PODS.items() if pod["spec"].get("automountServiceAccountToken") is not False}
    assert mounting == {"ray-cluster.yaml:RayCluster/llmbatch/head"}, "the autoscaler beside the head"
    assert RAY_CLUSTER["spec"]["enableInTreeAutoscaling"] is True


@each_pod
def test_what_runs_on_is_probed_and_ends_gracefully(pod: dict[str, Any]) -> None:
    if pod["spec"].get("restartPolicy") == "Never":
        return
    assert pod["spec"]["terminationGracePeriodSeconds"] >= 45
    for container in pod["spec"]["containers"]:
        assert {"startupProbe", "readinessProbe", "livenessProbe", "lifecycle"} <= container.keys()


def test_probes_of_ray_need_no_token() -> None:
    probes = [
        container[probe]["httpGet"]
        for group in [RAY_CLUSTER["spec"]["headGroupSpec"], *RAY_CLUSTER["spec"]["workerGroupSpecs"]]
        for container in group["template"]["spec"]["containers"]
        for probe in ("startupProbe", "readinessProbe", "livenessProbe")
    ]
    assert {probe["path"] for probe in probes} == {"/api/gcs_healthz", "/api/local_raylet_healthz"}


@each_executor
def test_images_are_of_this_version(executor: str) -> None:
    images = [container["image"] for pod in PODS.values() for container in pod["spec"]["containers"]]
    assert {*images} == {f"llmbatch-airflow:{VERSION}", f"llmbatch-ray:{VERSION}-gpu"}
    chart = values(executor)
    assert (chart["defaultAirflowRepository"], chart["defaultAirflowTag"]) == ("llmbatch-airflow", VERSION)
    for path in [*FOLDER.glob("*.yaml")]:
        for tag in re.findall(r"llmbatch-(?:ray|airflow):([\w.]+)", path.read_text()):
            assert tag.startswith(VERSION), path.name


def test_versions_are_those_of_the_locks() -> None:
    [ray] = re.findall(r"^ray(?:\[.*\])?==(\S+)", (ROOT / "requirements" / "ray-gpu.lock").read_text(), re.MULTILINE)
    [airflow] = re.findall(
        r"^apache-airflow==(\S+)", (ROOT / "requirements" / "airflow.lock").read_text(), re.MULTILINE
    )
    assert RAY_CLUSTER["spec"]["rayVersion"] == ray
    assert values("CeleryExecutor")["airflowVersion"] == airflow


def test_ray_has_a_token_and_bounds() -> None:
    spec = RAY_CLUSTER["spec"]
    assert spec["authOptions"] == {"mode": "token", "secretName": "ray-token"}
    assert spec["headGroupSpec"]["serviceType"] == "ClusterIP"
    assert spec["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    for group in spec["workerGroupSpecs"]:
        assert 0 < group["minReplicas"] <= group["replicas"] <= group["maxReplicas"] <= 64
        limits = group["template"]["spec"]["containers"][0]["resources"]["limits"]
        assert limits["nvidia.com/gpu"] >= 1
    assert not list(found(spec, "enableIngress"))


def policy(name: str) -> dict[str, Any]:
    return next(
        each["spec"]
        for each in OBJECTS.values()
        if each["kind"] == "NetworkPolicy" and each["metadata"]["name"] == name
    )


def test_only_airflow_reaches_the_dashboard_of_ray() -> None:
    spec = policy("ray")
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert spec["podSelector"]["matchLabels"]["ray.io/cluster"] == RAY_CLUSTER["metadata"]["name"]
    opened = {port["port"]: rule["from"] for rule in spec["ingress"] for port in rule.get("ports", [])}
    assert opened.keys() == {8265, 8080}
    assert [[*peer] for peer in opened[8265]] == [["podSelector"]]
    [anything] = [rule["from"] for rule in spec["ingress"] if "ports" not in rule]
    assert anything == [{"podSelector": spec["podSelector"]}]


def test_no_secret_is_in_a_file() -> None:
    kinds = {each["kind"] for each in OBJECTS.values()}
    assert "Secret" not in kinds
    for executor in EXECUTORS:
        chart = values(executor)
        assert chart["createUserJob"]["defaultUser"] == {"enabled": False}
        assert chart["postgresql"] == {"enabled": False}
        assert not [
            *found(chart, "password"),
            *found(chart, "pass"),
            *found(chart, "fernetKey"),
            *found(chart, "jwtSecret"),
        ]
    for path in FOLDER.glob("*.yaml"):
        assert not re.search(r"(?i)(password|secret|token):\s*['\"]?[A-Za-z0-9+/]{16,}", path.read_text()), path.name
