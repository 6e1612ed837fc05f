"""The maintenance tasks: when retention runs, with which limits, and what goes into XCom."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.api.datamodels._generated import DagRunType
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from fakes.proofs import put_proof
from fakes.ray import FakeRay
from llmbatch.core.clock import ManualClock
from llmbatch.core.config import CONFIG_ENV
from llmbatch.core.config_sections import RetentionConfig
from llmbatch.core.errors import StoreError
from llmbatch.core.gateway_layout import keys_uri
from llmbatch.core.identity import job_id_of
from llmbatch.core.layout import JobLayout
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.deployment import run_states as dag_run_states
from llmbatch.orchestrator.deployment import store as store_module
from llmbatch.orchestrator.deployment.run_states import DagRunState
from llmbatch.orchestrator.maintenance import gateway_leftovers, orphans
from llmbatch.orchestrator.ray_jobs import hook as ray_hook
from llmbatch.orchestrator.tasks import maintenance
from llmbatch.orchestrator.tasks.maintenance import EXPIRE_HOUR, maintenance_params

ROOT = Path(__file__).parents[4]
BASE = "s3://llmbatch/llmbatch"


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    """Hold one finished job of ten days, one of a hundred days, and the shipped configuration."""
    clock = ManualClock(datetime.now(UTC) - timedelta(days=100))
    store = MemoryStore(clock)
    for days, name in ((0, "old"), (90, "young")):
        clock.advance(days * 86400)
        layout = JobLayout.of(BASE, job_id_of("llmbatch_inference", name))
        for uri in (layout.spec, layout.staged_shard("shard-00000"), layout.staged_manifest):
            store.put(uri, b"{}")
        put_proof(store, layout)
    monkeypatch.setattr(store_module, "open_store", lambda conn_id: store)
    monkeypatch.setenv(CONFIG_ENV, str(ROOT / "config" / "config.yaml"))
    return store


def within(
    monkeypatch: pytest.MonkeyPatch, *, run_type: DagRunType = DagRunType.MANUAL, hour: int = 12, **params: Any
) -> None:
    """Pretend to run in a DAG run of that hour."""
    context = {
        "dag_run": SimpleNamespace(run_type=run_type, run_after=datetime(2030, 1, 1, hour, 17, tzinfo=UTC)),
        "params": {name: param.value for name, param in maintenance_params().items()} | params,
    }
    monkeypatch.setattr(maintenance, "get_current_context", lambda: context)


def test_the_form_rehearses_and_overrides() -> None:
    form = maintenance_params()
    assert set(form) == {"dry_run", *RetentionConfig.model_fields}
    assert form["dry_run"].value is False
    assert {name: param.schema["minimum"] for name, param in form.items() if name != "dry_run"} == {
        "staged_days": 0,
        "jobs_days": 1,
        "dead_generations_days": 1,
    }


@pytest.mark.parametrize(
    ("params", "removals", "left"),
    [
        ({}, 2, 3),
        ({"dry_run": True}, 2, 8),
        ({"staged_days": 11}, 1, 4),
        ({"jobs_days": 200}, 2, 6),
        ({"jobs_days": 5, "dry_run": True}, 2, 8),
        ({"staged_days": 7, "jobs_days": 101}, 2, 6),
    ],
)
def test_expire_takes_config_and_form(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch, params: dict[str, Any], removals: int, left: int
) -> None:
    within(monkeypatch, **params)
    found = maintenance.expire()
    assert (found["removals"], len(store.objects)) == (removals, left)
    assert found["dry_run"] is params.get("dry_run", False)
    assert len(json.dumps(found)) < 200


@pytest.mark.parametrize("dry_run", [True, False])
def test_expire_also_removes_what_the_http_api_leaves(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch, dry_run: bool
) -> None:
    key = f"{keys_uri(BASE)}{'e' * 16}.json"
    store.put(key, json.dumps({"key_id": "e" * 16, "expires_at": "2020-01-01T00:00:00Z"}).encode())
    within(monkeypatch, dry_run=dry_run)
    assert maintenance.expire()["removals"] == 3
    assert (key in store.objects) is dry_run


def test_neither_half_of_expire_stops_the_other(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise StoreError("locked")

    monkeypatch.setattr(gateway_leftovers, "expire_gateway", refuse)
    within(monkeypatch)
    with pytest.raises(StoreError, match="locked"):
        maintenance.expire()
    assert len(store.objects) == 3


@pytest.mark.parametrize(
    ("retention", "params", "words"),
    [
        ("{}", {"staged_days": 0}, "staged_days: 0 days is shorter .*keeps the data for 7 days"),
        ("{}", {"jobs_days": 89, "staged_days": 9}, "jobs_days: 89 days is shorter .*keeps the data for 90 days"),
        ("{dead_generations_days: null}", {"dead_generations_days": 9999}, "keeps the data for ever"),
    ],
)
def test_the_form_removes_nothing_that_the_config_keeps(
    store: MemoryStore,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    retention: str,
    params: dict[str, Any],
    words: str,
) -> None:
    (tmp_path / "c.yaml").write_text(f"default_model: m\nmodels: {{m: {{uri: m}}}}\nretention: {retention}\n")
    monkeypatch.setenv(CONFIG_ENV, str(tmp_path / "c.yaml"))
    within(monkeypatch, **params)
    with pytest.raises(AirflowFailException, match=words):
        maintenance.expire()
    assert len(store.objects) == 8
    within(monkeypatch, **params, dry_run=True)
    maintenance.expire()
    assert len(store.objects) == 8


@pytest.mark.parametrize("hour", range(24))
def test_scheduled_retention_runs_once_a_day(store: MemoryStore, monkeypatch: pytest.MonkeyPatch, hour: int) -> None:
    within(monkeypatch, run_type=DagRunType.SCHEDULED, hour=hour)
    if hour == EXPIRE_HOUR:
        assert maintenance.expire()["removals"] == 2
    else:
        with pytest.raises(AirflowSkipException, match="once a day"):
            maintenance.expire()
        assert len(store.objects) == 8


@pytest.mark.parametrize("dry_run", [True, False])
def test_sweep_stops_orphans_of_our_dag(store: MemoryStore, monkeypatch: pytest.MonkeyPatch, dry_run: bool) -> None:
    ray = FakeRay()
    submission_id = f"{job_id_of('llmbatch_inference', 'old')}-g1"
    ray.put(submission_id, "RUNNING", metadata={"dag_id": "llmbatch_inference", "run_id": "old", "task_id": "run"})
    ray.put("job-g1", "RUNNING", metadata={"dag_id": "other", "run_id": "old", "task_id": "run"})
    monkeypatch.setattr(ray_hook.RayHook, "get_conn", lambda self: ray.sync_client())
    monkeypatch.setattr(dag_run_states, "dag_run_state", lambda dag_id, run_id: DagRunState.GONE)
    monkeypatch.setattr(orphans, "GRACE_SECONDS", 0)
    within(monkeypatch, dry_run=dry_run)
    assert maintenance.sweep_orphans() == {"orphans": 1, "dry_run": dry_run}
    assert ray.stops == ([] if dry_run else [submission_id])


def test_a_wrong_config_is_not_retried(store: MemoryStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("default_model: m\nmodels: {m: {uri: m}}\nretention: {days: 1}\n")
    monkeypatch.setenv(CONFIG_ENV, str(tmp_path / "c.yaml"))
    within(monkeypatch)
    for task in (maintenance.expire, maintenance.sweep_orphans):
        with pytest.raises(AirflowFailException, match=r"c.yaml:3: unknown key `retention.days`"):
            task()
