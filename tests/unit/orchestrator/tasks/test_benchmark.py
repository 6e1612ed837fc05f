"""The tasks of the benchmark: the form, the plan, the comparison."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from fakes.benchmarked import measured
from fakes.finished_jobs import BASE
from llmbatch.core.benchmark_request import BenchmarkRequest, parse_benchmark
from llmbatch.core.config import CONFIG_ENV
from llmbatch.core.identity import benchmark_id_of, benchmark_run_id
from llmbatch.core.layout import tuned_uri
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.benchmark.plan import PlannedJob
from llmbatch.orchestrator.deployment import store as store_module
from llmbatch.orchestrator.tasks import benchmark
from llmbatch.orchestrator.tasks.benchmark import benchmark_params, compare, plan

CONFIG = {
    "default_model": "small",
    "models": {"small": {"uri": "hub/small"}},
    "store": {"base_uri": BASE},
    "admins": ["ann"],
}


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> MemoryStore:
    store = MemoryStore()
    monkeypatch.setattr(store_module, "open_store", lambda conn_id: store)
    (tmp_path / "config.yaml").write_text(json.dumps(CONFIG))
    monkeypatch.setenv(CONFIG_ENV, str(tmp_path / "config.yaml"))
    return store


def within(monkeypatch: pytest.MonkeyPatch, conf: dict[str, Any], owner: str | None = "ann") -> None:
    context = {
        "dag_run": SimpleNamespace(run_id="manual", conf=conf, triggering_user_name=owner),
        "params": {name: param.value for name, param in benchmark_params().items()},
    }
    monkeypatch.setattr(benchmark, "get_current_context", lambda: context)


def test_the_form_has_every_field_with_its_default() -> None:
    form = benchmark_params()
    assert set(form) == {*BenchmarkRequest.model_fields, "batch_size", "concurrency"}
    values = {name: param.value for name, param in form.items()} | {"input_uri": "s3://b/k"}
    assert parse_benchmark(values) == BenchmarkRequest(input_uri="s3://b/k")
    assert all(param.schema["title"] and len(param.description) > 10 for param in form.values())


def test_the_form_refuses_what_the_request_refuses() -> None:
    from airflow.sdk.definitions.param import Param
    from airflow.sdk.exceptions import ParamValidationError

    for name, good, bad in (
        ("batch_sizes", [64, 128], [0]),
        ("enforce_eager", [True, False], ["yes"]),
        ("num_samples", 10, 0),
    ):
        schema = benchmark_params()[name].schema
        assert Param(schema=schema).resolve(good) == good
        with pytest.raises(ParamValidationError):
            Param(schema=schema).resolve(bad)


def test_the_plan_is_a_list_of_runs(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    within(monkeypatch, {"input_uri": "s3://b/in.jsonl", "batch_sizes": [8, 16]})
    jobs = plan()
    assert [job["run_id"] for job in jobs] == [benchmark_run_id(benchmark_id_of("manual"), n) for n in (1, 2)]
    assert json.loads(json.dumps(jobs)) == jobs
    assert jobs[1]["conf"]["engine"] == {"batch_size": 16, "tuned": False}


def test_a_wrong_form_and_a_user_who_may_not_adopt_fail_at_once(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    within(monkeypatch, {"input_uri": "s3://b/in.jsonl", "batch_sizes": [0]})
    with pytest.raises(AirflowFailException, match=r"batch_sizes\.0"):
        plan()
    within(monkeypatch, {"input_uri": "s3://b/in.jsonl", "adopt": True}, None)
    with pytest.raises(AirflowFailException, match="adopt: changes the default"):
        plan()


@pytest.mark.parametrize("wanted", [True, False])
def test_the_table_is_logged_and_the_best_adopted_only_on_request(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, wanted: bool
) -> None:
    caplog.set_level("INFO")
    within(monkeypatch, {"input_uri": "s3://b/in.jsonl", "batch_sizes": [8, 16], "adopt": wanted})
    jobs = plan()
    for tokens, job in zip((20_000, 10_000), jobs, strict=True):
        measured(store, PlannedJob.model_validate(job), tokens)
    found = compare(jobs)
    assert found["best"] == {"number": 1, "batch_size": 8}
    assert (found["settings"], found["adopted"]) == (2, wanted)
    assert found["report_uri"] in store.objects
    assert (tuned_uri(BASE, "small") in store.objects) is wanted
    assert "event=benchmark | 1 * | 8 |" in caplog.text
    assert len(json.dumps(found)) < 1000
