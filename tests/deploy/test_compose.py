"""What holds for every service of docker-compose.yaml."""

from __future__ import annotations

import re
import subprocess
from itertools import combinations
from pathlib import Path

import pytest

from composed import FOLDER, ONCE, PROFILES, ROOT, composed, services

ALWAYS = {
    "airflow-api-server", "airflow-dag-processor", "airflow-init", "airflow-scheduler", "airflow-triggerer",
    "airflow-worker", "gateway", "postgres", "ray-head", "redis",
}  # fmt: skip
OF_PROFILE = {
    "cpu": {"ray-worker-cpu"},
    "gpu": {"ray-worker-gpu"},
    "monitoring": {"alertmanager", "grafana", "prometheus", "statsd-exporter"},
    "s3": {"seaweedfs", "seaweedfs-bucket", "seaweedfs-init"},
}
COMBINATIONS = [chosen for size in range(len(PROFILES) + 1) for chosen in combinations(PROFILES, size)]
SERVICES = sorted(ALWAYS.union(*OF_PROFILE.values()))
each_service = pytest.mark.parametrize("name", SERVICES)


@pytest.mark.parametrize("profiles", COMBINATIONS, ids=lambda chosen: "+".join(chosen) or "none")
def test_profiles_choose_services_that_have_all_they_wait_for(profiles: tuple[str, ...]) -> None:
    found = composed(*profiles)["services"]
    assert set(found) == ALWAYS.union(*(OF_PROFILE[profile] for profile in profiles))
    for name, service in found.items():
        needed = {other for other, how in service.get("depends_on", {}).items() if how["required"]}
        assert needed <= set(found), name


@each_service
def test_a_service_cannot_gain_rights(name: str) -> None:
    service = services()[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert service["init"] is True
    assert not service.get("privileged")
    given = {"seaweedfs-init": ["CHOWN", "DAC_OVERRIDE"]}
    assert service.get("cap_add", []) == given.get(name, [])
    assert (service["user"].split(":")[0] == "0") == (name == "seaweedfs-init")


@each_service
def test_a_service_is_limited_and_its_log_rotated(name: str) -> None:
    service = services()[name]
    limits = service["deploy"]["resources"]["limits"]
    assert int(limits["memory"]) > 0
    assert limits["pids"] > 0
    assert service["logging"] == {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}


@each_service
def test_a_service_is_restarted_and_checked_unless_it_ends(name: str) -> None:
    service = services()[name]
    assert service["restart"] == ("no" if name in ONCE else "unless-stopped")
    assert bool(service.get("healthcheck", {}).get("test")) == (name not in ONCE)


@each_service
def test_the_order_of_starts_waits_for_what_is_ready(name: str) -> None:
    started = {"statsd-exporter", "alertmanager"}
    for other, how in services()[name].get("depends_on", {}).items():
        if other in ONCE:
            assert how["condition"] == "service_completed_successfully"
        elif name == "grafana" or other in started:
            assert how["condition"] == "service_started"
        else:
            assert how["condition"] == "service_healthy"


def test_images_are_pinned() -> None:
    for name, service in services().items():
        tag = service["image"].rpartition(":")[2]
        assert re.fullmatch(r"v?\d+\.\d+(\.\d+)?(-[a-z]+)?", tag), f"{name}: {service['image']}"


def test_the_gpu_worker_reserves_all_gpus_and_nothing_else_does() -> None:
    reserving = {name: service["deploy"]["resources"].get("reservations") for name, service in services().items()}
    [device] = reserving.pop("ray-worker-gpu")["devices"]
    assert (device["driver"], device["count"], device["capabilities"]) == ("nvidia", -1, ["gpu"])
    assert not any(reserving.values())


def test_ports_of_the_runbook_are_published_on_one_address() -> None:
    published = [port for service in services(LLMBATCH_BIND="192.0.2.7").values() for port in service.get("ports", [])]
    assert {port["host_ip"] for port in published} == {"192.0.2.7"}
    access = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8").split("## Access", 1)[1].split("\n## ", 1)[0]
    assert {port["published"] for port in published} == set(re.findall(r"`:(\d+)", access))
    assert {port["host_ip"] for service in services().values() for port in service.get("ports", [])} == {"127.0.0.1"}


def test_what_is_mounted_is_in_the_repository() -> None:
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    tracked = {ROOT / path for path in listed.splitlines()}
    folders = {parent for path in tracked for parent in path.parents}
    for name, service in services().items():
        for volume in service.get("volumes", []):
            if volume["type"] == "bind" and Path(volume["source"]) != ROOT / "secrets" / "alertmanager":
                assert volume.get("read_only"), name
                assert Path(volume["source"]) in tracked | folders, name


def test_every_volume_is_written_by_one_service() -> None:
    users: dict[str, set[str]] = {name: set() for name in composed(*PROFILES)["volumes"]}
    for name, service in services().items():
        for volume in service.get("volumes", []):
            if volume["type"] == "volume" and not volume.get("read_only"):
                users[volume["source"]].add("airflow" if service["image"].startswith("llmbatch-airflow") else name)
    users["seaweedfs"].discard("seaweedfs-init")
    assert {name: len(used) for name, used in users.items()} == dict.fromkeys(users, 1)


def test_a_missing_setting_names_what_to_copy() -> None:
    with pytest.raises(AssertionError, match=r"copy deploy/compose/env\.example to \.env"):
        composed("cpu", LLMBATCH_RAY_IMAGE="")


def test_ray_in_the_network_of_the_host_meets_no_port_twice() -> None:
    files = ("docker-compose.yaml", "deploy/compose/multi-node.yaml")
    found = composed("cpu", "s3", files=files, LLMBATCH_HEAD_IP="192.0.2.8")["services"]
    for name in ("ray-head", "ray-worker-cpu"):
        assert found[name]["network_mode"] == "host"
        assert "ports" not in found[name]
        assert found[name]["environment"]["LLMBATCH_NODE_IP"] == "192.0.2.8"
    assert found["ray-worker-cpu"]["environment"]["LLMBATCH_RAY_PORT_OFFSET"] == "10"
    airflow = [service for service in found.values() if service["image"].startswith("llmbatch-airflow")]
    assert {service["environment"]["LLMBATCH_RAY_HOST"] for service in airflow} == {"192.0.2.8"}
    [port] = found["seaweedfs"]["ports"]
    assert (port["host_ip"], port["published"]) == ("192.0.2.8", "8333")


def test_the_example_has_every_variable() -> None:
    files = [ROOT / "docker-compose.yaml", FOLDER / "multi-node.yaml"]
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    named = set(re.findall(r"\$\{(\w+)", text))
    example = set(re.findall(r"^(?:# )?(\w+)=", (FOLDER / "env.example").read_text(encoding="utf-8"), re.MULTILINE))
    internal = {"COMPOSE_PROFILES", "COMPOSE_FILE"}
    assert named - example == set()
    assert example - named - internal == set()
