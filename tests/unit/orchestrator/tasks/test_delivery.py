"""The task of the delivery DAG."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException

from fakes.retries import CONFIG, finished, store_with_input
from llmbatch.core.config import CONFIG_ENV
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.deployment import store as store_module
from llmbatch.orchestrator.tasks import delivery
from llmbatch.orchestrator.tasks.delivery import deliver, delivery_params

TARGET = "s3://b/second"


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[JobSpec, MemoryStore]:
    store = store_with_input()
    monkeypatch.setattr(store_module, "open_store", lambda conn_id: store)
    (tmp_path / "config.yaml").write_text(json.dumps(CONFIG.model_dump(mode="json", exclude_unset=True)))
    monkeypatch.setenv(CONFIG_ENV, str(tmp_path / "config.yaml"))
    return finished(store, "first", {2: "failed"}, input_uri="s3://b/in.jsonl", owner="ann"), store


def within(monkeypatch: pytest.MonkeyPatch, job_id: str, output_uri: str, owner: str | None = "ann") -> None:
    context = {
        "dag_run": SimpleNamespace(run_id="manual", triggering_user_name=owner),
        "params": {"job_id": job_id, "output_uri": output_uri},
    }
    monkeypatch.setattr(delivery, "get_current_context", lambda: context)


def test_the_files_are_delivered(done: tuple[JobSpec, MemoryStore], monkeypatch: pytest.MonkeyPatch) -> None:
    spec, store = done
    within(monkeypatch, spec.job_id, TARGET)
    found = deliver()
    folder = f"{TARGET}/{spec.job_id}/"
    assert (found["output_uri"], found["files"]) == (folder, 2)
    assert store.get(f"{folder}results.jsonl") == store.get(f"{spec.output_uri}results.jsonl")
    assert not [uri for uri in store.objects if ".probe-" in uri]


@pytest.mark.parametrize(("owner", "target"), [("bob", TARGET), (None, TARGET), ("ann", "s3://other/x")])
def test_a_refused_delivery_fails_once_and_writes_nothing(
    done: tuple[JobSpec, MemoryStore], monkeypatch: pytest.MonkeyPatch, owner: str | None, target: str
) -> None:
    spec, store = done
    before = dict(store.objects)
    within(monkeypatch, spec.job_id, target, owner)
    with pytest.raises(AirflowFailException):
        deliver()
    assert store.objects == before


def test_the_form_refuses_what_is_no_job_and_no_address() -> None:
    from airflow.sdk.definitions.param import Param
    from airflow.sdk.exceptions import ParamValidationError

    for name, good, bad in (
        ("job_id", "job-0123456789abcdef", "job-1"),
        ("output_uri", "s3://b/x", "/etc"),
    ):
        schema = delivery_params()[name].schema
        assert Param(schema=schema).resolve(good) == good
        with pytest.raises(ParamValidationError):
            Param(schema=schema).resolve(bad)
