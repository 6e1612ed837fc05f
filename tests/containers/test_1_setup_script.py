"""`deploy/setup_production.sh` with a real Docker engine: deploy, report, upgrade, go back, restart, remove.

Its jobs run on vLLM in a container. `test_two_hosts.py` has its path for several hosts, `tests/deploy` its messages.
"""

from __future__ import annotations

import re
import stat
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from containers import machine
from containers.deployed import Batch, Deployed
from containers.engine import Engine
from containers.images import Images
from llmbatch.version import VERSION
from llmbatch_stack.settings import load

pytestmark = pytest.mark.timeout(3600)

NEXT = f"{VERSION}.post1"
"""Another version for the script: the same images under other names."""
ROWS, TOKENS = 500, 48
SERVICES = {
    "airflow-api-server", "airflow-dag-processor", "airflow-scheduler", "airflow-triggerer", "airflow-worker",
    "gateway", "postgres", "ray-head", "ray-worker-cpu", "redis", "seaweedfs",
}  # fmt: skip
_NOTICE_SECONDS = 120


@pytest.fixture(scope="module")
def deployed(engine: Engine, images: Images) -> Iterator[Deployed]:
    for image, other in images.tagged(NEXT):
        engine.docker("tag", image, other)
    with Deployed.here(engine, load().repo, machine.folder() / "checkout") as one:
        yield one


def test_it_deploys_and_a_small_job_runs_on_the_real_engine(deployed: Deployed) -> None:
    assert deployed.first.code == 0, deployed.first.text
    assert "all checks passed" in deployed.first.text
    assert "the job succeeded" in deployed.first.text
    assert set(deployed.containers()) == SERVICES
    for name in (".env", "secrets/ray_token"):
        assert stat.S_IMODE((deployed.checkout / name).stat().st_mode) & 0o007 == 0, name


def test_a_second_run_recreates_nothing(deployed: Deployed) -> None:
    before = deployed.containers()
    said = deployed.script("--no-job")
    assert said.code == 0, said.text
    assert deployed.containers() == before


def test_status_names_a_lost_node(deployed: Deployed) -> None:
    assert deployed.script("--status").code == 0
    assert deployed.run("docker", "compose", "stop", "ray-worker-cpu").code == 0
    until = time.monotonic() + _NOTICE_SECONDS
    while (said := deployed.script("--status")).code == 0 and time.monotonic() < until:
        time.sleep(2)
    assert said.code == 1
    assert "WRONG: Ray has 1 of 2 nodes" in said.text
    mended = deployed.script("--no-job")
    assert mended.code == 0, mended.text
    assert deployed.script("--status").code == 0


def test_an_upgrade_drains_and_continues_a_running_job(deployed: Deployed) -> None:
    with deployed.gateway() as gateway:
        batch = Batch.start(gateway, "upgrade", deployed.model, ROWS, TOKENS)
        batch.until_working()
        said = deployed.script("--upgrade", NEXT)
        assert said.code == 0, said.text
        drained = re.findall(r"(\d+) job\(s\) still drain", said.text)
        assert (drained[0], drained[-1]) == ("1", "0"), said.text
        assert f"upgraded from {VERSION} to {NEXT}" in said.text
        assert Counter(batch.answers()) == Counter(f"upgrade-{number}" for number in range(ROWS))
    images = {service: image for service, (image, _) in deployed.containers().items()}
    assert (images["gateway"], images["ray-head"]) == (f"llmbatch-airflow:{NEXT}", f"llmbatch-ray:{NEXT}-cpu")


def test_the_way_back_that_the_page_describes(deployed: Deployed) -> None:
    (copies,) = (deployed.checkout / "backups").iterdir()
    assert stat.S_IMODE(copies.stat().st_mode) == 0o700
    restore = 'pg_restore --clean --if-exists --username="$POSTGRES_USER" --dbname="$POSTGRES_DB"'
    _well(deployed, "docker", "compose", "stop")
    _well(deployed, "docker", "compose", "up", "--detach", "--wait", "postgres")
    _well(deployed, "docker", "compose", "exec", "-T", "postgres", "sh", "-c", restore, source=copies / "airflow.dump")
    _well(deployed, "cp", str(copies / "env"), ".env")
    said = deployed.script("--restart", "--force")
    assert said.code == 0, said.text
    assert deployed.settings()["LLMBATCH_VERSION"] == VERSION
    assert deployed.containers()["gateway"][0] == f"llmbatch-airflow:{VERSION}"
    with deployed.gateway() as gateway:  # its run is in the database as it was before the upgrade
        batches = gateway.get("/v1/batches").raise_for_status().json()["data"]
        (found,) = (each for each in batches if each["request_counts"]["total"] == ROWS)
        batch = Batch(gateway, found["id"], "upgrade", ROWS)
        assert Counter(batch.answers()) == Counter(f"upgrade-{number}" for number in range(ROWS))


def test_a_restart_drains_first(deployed: Deployed) -> None:
    before = deployed.containers()
    said = deployed.script("--restart")
    assert said.code == 0, said.text
    assert said.text.index("== Drain") < said.text.index("== Stop") < said.text.index("== Resume")
    assert set(deployed.containers()) == set(before)


def test_uninstall_keeps_data_until_it_is_to_go_too(deployed: Deployed, engine: Engine) -> None:
    volumes = engine.docker("volume", "ls", "--quiet").split()
    assert "llmbatch_postgres" in volumes
    assert deployed.script("--uninstall", "--yes").code == 0
    assert engine.docker("ps", "--all", "--quiet") == ""
    assert engine.docker("volume", "ls", "--quiet").split() == volumes
    assert deployed.script("--uninstall", "--volumes", "--yes").code == 0
    assert [name for name in engine.docker("volume", "ls", "--quiet").split() if name.startswith("llmbatch_")] == []
    assert (deployed.checkout / "secrets" / "ray_token").exists()


def _well(deployed: Deployed, *command: str, source: Path | None = None) -> None:
    said = deployed.run(*command, source=source)
    assert said.code == 0, f"{command}: {said.text}"
