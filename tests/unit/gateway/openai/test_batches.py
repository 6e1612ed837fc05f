"""Batches of the OpenAI API: each statement of what a client may rely on is one test."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from threading import Barrier, Lock

import pytest
from fastapi.testclient import TestClient

from fakes.batches import STATUSES, BatchWorld, in_status, line, lines
from fakes.gateway import BASE, fake_parts
from llmbatch.core.claims import claim
from llmbatch.core.endpoints import Endpoint
from llmbatch.core.errors import StoreError
from llmbatch.core.gateway_layout import batches_uri
from llmbatch.core.identity import INFERENCE_DAG
from llmbatch.core.states import Phase
from llmbatch.core.store import ObjectInfo
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.airflow.client import DagRun
from llmbatch.gateway.app import create_app
from llmbatch.gateway.openai.batch import Batch
from llmbatch.gateway.openai.batch_order import BatchOrder
from llmbatch.gateway.openai.batches import Batches
from llmbatch.gateway.wire.failures import Failure

TERMINAL = ("completed", "failed", "expired", "cancelled")
ENDS = {f"{status}_at" for status in TERMINAL}


@pytest.fixture
def world() -> BatchWorld:
    return BatchWorld()


def test_a_batch_starts_validating_with_no_counts(world: BatchWorld) -> None:
    answer = world.post(metadata={"team": "search"}, unknown_field=1)
    found = answer.json()
    assert (answer.status_code, found["status"], found["metadata"]) == (200, "validating", {"team": "search"})
    assert found["request_counts"] == {"total": 0, "completed": 0, "failed": 0}
    assert found["expires_at"] == found["created_at"] + 86400
    assert world.get(found["id"]) == found
    run = world.run_of(found["id"])
    assert run.conf is not None
    assert (run.triggering_user_name, run.conf["batch_endpoint"]) == ("ann", "/v1/chat/completions")


def test_an_unknown_file_makes_a_batch_that_fails(world: BatchWorld) -> None:
    for file_id in ("file-x", "file-" + "0" * 24, "../../x", world.upload(owner="bob")):
        created = world.post(input_file_id=file_id).json()
        assert (created["status"], created["errors"]) == ("validating", None)
        found = world.get(created["id"])
        error = found["errors"]["data"][0]  # type: ignore[index]
        assert (found["status"], error["code"], error["param"], error["line"]) == (
            "failed", "invalid_request", "file_id", None,
        )  # fmt: skip
        assert error["message"].startswith(f"Cannot find file {file_id}")
        assert (found["failed_at"], found["in_progress_at"]) == (found["created_at"], None)
    assert world.airflow.dag_runs == {}


def test_a_repeated_request_makes_one_batch(world: BatchWorld) -> None:
    file_id = world.upload()
    first = world.post(input_file_id=file_id, metadata={"a": "1", "b": "2"}, headers={"x-stainless-retry-count": "0"})
    again = {"input_file_id": file_id, "metadata": {"b": "2", "a": "1"}}
    world.clock.advance(59)
    second = world.post(**again, headers={"x-stainless-retry-count": "1"})
    assert second.json()["id"] == first.json()["id"]
    assert len(world.airflow.dag_runs) == 1
    world.clock.advance(2)
    ids = {first.json()["id"]}
    for headers, changes in (
        ({"x-stainless-retry-count": "1"}, {}),  # more than a minute later
        ({"x-stainless-retry-count": "0"}, {}),  # deliberate
        ({}, {}),
        ({"x-stainless-retry-count": "2"}, {"metadata": None}),
    ):
        ids.add(world.post(**{**again, **changes}, headers=headers).json()["id"])
    assert len(ids) == len(world.airflow.dag_runs) == 5


def test_a_repeated_request_starts_the_run_that_airflow_refused_before(world: BatchWorld) -> None:
    file_id = world.upload()
    start = world.airflow.start_run

    async def dead(*_: object) -> DagRun:
        raise Failure(503, "Airflow does not answer.")

    world.airflow.start_run = dead  # type: ignore[method-assign]
    assert world.post(input_file_id=file_id).status_code == 503
    world.airflow.start_run = start  # type: ignore[method-assign]
    found = world.post(input_file_id=file_id, headers={"x-stainless-retry-count": "1"}).json()
    assert found["status"] == "validating"
    assert list(world.airflow.dag_runs) == [(INFERENCE_DAG, world.run_of(found["id"]).dag_run_id)]


@pytest.mark.parametrize("place", ["header", "body"])
def test_an_idempotency_key_makes_one_batch_of_a_user(world: BatchWorld, place: str) -> None:
    def post(key: str, owner: str = "ann", **changes: object):  # type: ignore[no-untyped-def]
        given = {"idempotency_key": key} if place == "body" else {}
        headers = {"Idempotency-Key": key} if place == "header" else {}
        return world.post(owner, headers, input_file_id=file_id, **given, **changes)

    file_id = world.upload()
    first = post("k").json()["id"]
    world.clock.advance(3600)
    assert post("k").json()["id"] == first
    conflict = post("k", metadata={"a": "b"})
    assert (conflict.status_code, conflict.json()["error"]["param"]) == (409, "idempotency_key")
    assert conflict.headers["x-should-retry"] == "false"
    assert post("k", "bob").json()["id"] != first
    assert post("other").json()["id"] != first


def test_two_workers_that_get_a_request_at_once_make_one_batch(world: BatchWorld) -> None:
    """The client has repeated it before the first worker has stored anything of it."""
    barrier, one_by_one = Barrier(2, timeout=20), Lock()
    create = world.store.create

    def create_together(uri: str, body: bytes) -> ObjectInfo:
        if uri.startswith(batches_uri(BASE, "ann")):
            barrier.wait()
        with one_by_one:
            return create(uri, body)

    world.store.create = create_together  # type: ignore[method-assign]
    caller = Caller("ann", "Bearer user-ann")
    order = BatchOrder(input_file_id=world.upload(), endpoint=Endpoint.CHAT)

    async def both() -> list[Batch]:
        workers = [Batches(world.store, BASE, world.airflow, world.clock, caller) for _ in range(2)]
        return await asyncio.gather(*(worker.create(order, "k", is_repeated=False) for worker in workers))

    first, second = asyncio.run(both())
    assert first == second
    assert list(world.airflow.dag_runs) == [(INFERENCE_DAG, world.run_of(first.id).dag_run_id)]


def test_a_crash_between_record_and_run_does_not_lose_the_batch(world: BatchWorld) -> None:
    batch_id = world.create()
    world.airflow.dag_runs.clear()
    assert world.get(batch_id)["status"] == "validating"
    assert world.run_of(batch_id).state == "queued"
    world.airflow.dag_runs.clear()
    assert world.client.get("/v1/batches", headers=world.gateway.as_user("ann")).json()["data"][0]["id"] == batch_id
    assert world.run_of(batch_id).state == "queued"


def test_a_batch_that_is_never_started_ends_with_its_window(world: BatchWorld) -> None:
    batch_id = world.create()
    world.airflow.dag_runs.clear()
    world.clock.advance(86_400)
    found = world.get(batch_id)
    assert (found["status"], found["failed_at"]) == ("failed", found["expires_at"])
    assert world.airflow.dag_runs == {}


def test_a_user_without_the_right_to_start_runs_leaves_no_batch(world: BatchWorld) -> None:
    file_id = world.upload(owner="vic")
    headers = world.gateway.as_user("vic", "viewer")
    body = {"input_file_id": file_id, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    assert world.client.post("/v1/batches", json=body, headers=headers).status_code == 403
    assert world.client.get("/v1/batches", headers=headers).json()["data"] == []


def test_the_input_file_may_be_deleted_after_the_batch_is_created(world: BatchWorld) -> None:
    batch_id = world.create()
    for uri in [uri for uri in world.store.objects if "/gateway/files/" in uri]:
        world.store.delete(uri)
    assert world.get(batch_id)["status"] == "validating"
    world.end_run(batch_id, "failed", "accept", "input_uri: s3://b/x does not exist. Upload it.\nmore")
    found = world.get(batch_id)
    assert found["status"] == "failed"
    assert found["errors"] == {
        "object": "list",
        "data": [
            {
                "code": "invalid_request",
                "message": "input_uri: s3://b/x does not exist. Upload it.",
                "param": None,
                "line": None,
            }
        ],
    }
    assert world.cancel(batch_id).status_code == 409


def test_every_bad_line_is_in_the_errors(world: BatchWorld) -> None:
    bad = [line("a"), b"broken", line("a"), line("b", stream=True)]
    batch_id = world.create(b"\n".join(bad))
    assert world.stage(batch_id) is None
    found = world.get(batch_id)
    assert [(each["code"], each["param"], each["line"]) for each in found["errors"]["data"]] == [  # type: ignore[index]
        ("invalid_json_line", None, 2),
        ("duplicate_custom_id", "custom_id", 3),
        ("streaming_unsupported", "body.stream", 4),
    ]
    assert isinstance(found["failed_at"], int)
    assert [found[key] for key in ("in_progress_at", "output_file_id", "error_file_id", "usage")] == [None] * 4


@pytest.mark.parametrize("status", STATUSES)
def test_the_eight_states_and_their_times(world: BatchWorld, status: str) -> None:
    found = world.get(in_status(world, status))
    assert found["status"] == status
    set_ends = {name for name in ENDS if found[name] is not None}
    assert set_ends == ({f"{status}_at"} if status in TERMINAL else set())
    order = [found[name] for name in ("created_at", "in_progress_at", "cancelling_at", "finalizing_at", f"{status}_at")
             if found.get(name) is not None]  # fmt: skip
    assert order == sorted(order)
    assert (found["cancelling_at"] is not None) == status.startswith("cancell")
    assert (found["in_progress_at"] is None) == (status in ("validating", "failed"))
    assert (found["usage"] is None) == (status not in ("completed", "expired", "cancelled"))
    assert (found["model"] is None) == (status == "validating") or status == "failed"


def test_an_answer_does_not_depend_on_when_it_is_read(world: BatchWorld) -> None:
    for status in STATUSES:
        batch_id = in_status(world, status)
        first = world.get(batch_id)
        world.clock.advance(100)
        assert world.get(batch_id) == first


def test_a_gateway_that_was_started_later_gives_the_same_answer(world: BatchWorld) -> None:
    for status in STATUSES:
        batch_id = in_status(world, status)
        parts = fake_parts(world.gateway.config, world.store, world.airflow, world.clock)
        with TestClient(create_app(lambda parts=parts: parts)) as other:  # type: ignore[misc]
            found = other.get(f"/v1/batches/{batch_id}", headers=world.gateway.as_user("ann")).json()
        assert found == world.get(batch_id)
        assert found["status"] == status


def test_counts_of_unrun_rows_are_in_the_total_only(world: BatchWorld) -> None:
    assert world.get(in_status(world, "expired"))["request_counts"] == {"total": 10, "completed": 3, "failed": 1}
    assert world.get(in_status(world, "cancelled"))["request_counts"] == {"total": 10, "completed": 3, "failed": 1}


def test_total_is_known_once_the_rows_are_staged(world: BatchWorld) -> None:
    batch_id = world.create()
    world.stage(batch_id)
    found = world.get(batch_id)
    assert (found["status"], found["request_counts"]) == ("in_progress", {"total": 10, "completed": 0, "failed": 0})


def test_counts_never_decrease(world: BatchWorld) -> None:
    batch_id = world.create()
    world.stage(batch_id)
    seen = []
    for generation, succeeded, failed in ((1, 3, 0), (1, 6, 1), (2, 0, 0), (2, 4, 1), (2, 7, 2)):
        world.beat(batch_id, generation=generation, succeeded=succeeded, failed=failed)
        counts = world.get(batch_id)["request_counts"]
        seen.append((counts["completed"], counts["failed"]))  # type: ignore[index]
    assert seen == [(3, 0), (6, 1), (6, 1), (6, 1), (7, 2)]


def test_a_finished_batch_outlives_the_folder_of_its_job(world: BatchWorld) -> None:
    for status in ("completed", "expired", "cancelled", "failed"):
        batch_id = in_status(world, status)
        before = world.get(batch_id)
        for uri in [uri for uri in world.store.objects if uri.startswith(f"{world.layout(batch_id).root}/")]:
            world.store.delete(uri)
        world.airflow.dag_runs.clear()
        assert world.get(batch_id) == before
        assert world.cancel(batch_id).status_code == (200 if status == "cancelled" else 409)
    assert world.airflow.dag_runs == {}


def test_files_are_named_only_if_they_have_rows(world: BatchWorld) -> None:
    def ended(**rows: int) -> dict[str, object]:
        batch_id = world.create()
        world.stage(batch_id)
        world.publish(batch_id, **rows)
        return world.get(batch_id)

    all_failed = ended(succeeded=0, failed=10)
    assert (all_failed["status"], all_failed["output_file_id"]) == ("completed", None)
    assert str(all_failed["error_file_id"]).startswith("file-err-")
    none_failed = ended(succeeded=10)
    assert (none_failed["error_file_id"], none_failed["status"]) == (None, "completed")
    assert none_failed["output_file_id"] == f"file-out-{str(none_failed['id'])[6:]}"


def test_usage_is_that_of_the_proof(world: BatchWorld) -> None:
    assert world.get(in_status(world, "completed"))["usage"] == {
        "input_tokens": 30,
        "input_tokens_details": {"cached_tokens": 3},
        "output_tokens": 50,
        "output_tokens_details": {"reasoning_tokens": 20},
        "total_tokens": 80,
    }


def test_a_failed_run_is_a_failed_batch_until_an_operator_continues_it(world: BatchWorld) -> None:
    batch_id = in_status(world, "in_progress")
    world.end_run(batch_id, "failed", "run", "ENGINE_START: The model could not start.\nlog\nlog")
    found = world.get(batch_id)
    assert (found["status"], found["request_counts"]) == ("failed", {"total": 10, "completed": 3, "failed": 1})
    error = found["errors"]["data"][0]  # type: ignore[index]
    assert (error["code"], error["message"]) == ("server_error", "ENGINE_START: The model could not start.")
    world.airflow.set_state(INFERENCE_DAG, world.run_of(batch_id).dag_run_id, "running")
    assert world.get(batch_id)["status"] == "in_progress"


def test_a_run_that_was_marked_as_successful_is_no_completed_batch(world: BatchWorld) -> None:
    batch_id = in_status(world, "in_progress")
    world.end_run(batch_id, "success")
    assert world.get(batch_id)["status"] == "failed"


def test_a_run_that_was_deleted_in_airflow_is_not_started_again(world: BatchWorld) -> None:
    batch_id = in_status(world, "in_progress")
    world.airflow.dag_runs.clear()
    assert world.get(batch_id)["status"] == "failed"
    assert world.airflow.dag_runs == {}


def test_a_state_goes_along_the_edges_of_the_api(world: BatchWorld) -> None:
    batch_id = world.create()
    seen = [world.get(batch_id)["status"]]
    world.accept(batch_id)
    seen.append(world.get(batch_id)["status"])
    world.stage(batch_id)
    for phase in (Phase.QUEUED, Phase.MODEL_LOAD, Phase.WORK, Phase.FAILED, Phase.QUEUED, Phase.TAIL, Phase.DONE):
        world.beat(batch_id, phase)
        seen.append(world.get(batch_id)["status"])
    world.publish(batch_id)
    seen.append(world.get(batch_id)["status"])
    assert list(dict.fromkeys(seen)) == ["validating", "in_progress", "finalizing", "completed"]
    assert seen == sorted(seen, key=["validating", "in_progress", "finalizing", "completed"].index)


@pytest.mark.parametrize("status", STATUSES)
def test_cancel_in_each_state(world: BatchWorld, status: str) -> None:
    batch_id = in_status(world, status)
    answer = world.cancel(batch_id)
    if status in ("completed", "failed", "expired", "finalizing"):
        assert answer.status_code == 409
        assert answer.headers["x-should-retry"] == "false"
        assert answer.json()["error"] == {
            "message": f"Cannot cancel a batch with status '{status}'.",
            "type": "invalid_request_error",
            "param": None,
            "code": None,
        }
        assert world.get(batch_id)["cancelling_at"] is None
        return
    assert answer.status_code == 200
    found = answer.json()
    assert found["status"] == ("cancelled" if status == "cancelled" else "cancelling")
    assert isinstance(found["cancelling_at"], int)
    assert world.cancel(batch_id).json() == found


def test_a_cancel_before_the_job_is_accepted_reaches_its_run(world: BatchWorld) -> None:
    batch_id = world.create()
    assert world.cancel(batch_id).json()["status"] == "cancelling"
    assert world.cancel(batch_id).json()["status"] == "cancelling"
    world.stage(batch_id)
    world.beat(batch_id, Phase.QUEUED)
    assert world.get(batch_id)["status"] == "cancelling"
    world.publish(batch_id, succeeded=0, cancelled=10)
    found = world.get(batch_id)
    assert (found["status"], found["output_file_id"]) == ("cancelled", None)
    assert found["request_counts"] == {"total": 10, "completed": 0, "failed": 0}


def test_a_cancelled_batch_whose_job_waits_for_the_cluster_ends_at_once_without_files(world: BatchWorld) -> None:
    batch_id = world.create()
    world.stage(batch_id)
    world.clock.advance(10)
    found = world.cancel(batch_id).json()
    assert (found["status"], found["cancelled_at"]) == ("cancelled", found["cancelling_at"])
    assert found["request_counts"] == {"total": 10, "completed": 0, "failed": 0}
    world.publish(batch_id, succeeded=0, cancelled=10)
    assert world.get(batch_id) == world.cancel(batch_id).json() == found


def test_a_cancelled_batch_whose_job_was_claimed_ends_with_its_job(world: BatchWorld) -> None:
    batch_id = world.create()
    world.stage(batch_id)
    claim(world.store, world.layout(batch_id), owner="a", now=world.clock.now())
    assert world.cancel(batch_id).json()["status"] == "cancelling"
    world.publish(batch_id, succeeded=3, cancelled=7)
    assert world.get(batch_id)["status"] == "cancelled"


def test_a_cancelled_batch_that_is_not_valid_is_cancelled(world: BatchWorld) -> None:
    batch_id = world.create(b"broken")
    world.cancel(batch_id)
    world.stage(batch_id)
    found = world.get(batch_id)
    assert (found["status"], found["errors"], found["output_file_id"]) == ("cancelled", None, None)


def test_a_cancel_that_meets_the_end_of_the_rows_stays_cancelled(world: BatchWorld) -> None:
    batch_id = in_status(world, "cancelling")
    world.beat(batch_id, Phase.DONE, succeeded=9, failed=1)
    assert world.get(batch_id)["status"] == "cancelling"
    world.publish(batch_id, succeeded=9, failed=1)
    found = world.get(batch_id)
    assert (found["status"], found["request_counts"]) == ("cancelled", {"total": 10, "completed": 9, "failed": 1})


def test_a_cancel_that_comes_after_the_end_changes_nothing(world: BatchWorld) -> None:
    batch_id = in_status(world, "in_progress")
    create = world.store.create

    def published_meanwhile(uri: str, body: bytes) -> ObjectInfo:
        if uri.endswith("/control.json"):
            world.store.create = create  # type: ignore[method-assign]
            now = world.clock.now()
            world.publish(batch_id, succeeded=9, failed=1)
            manifest = json.loads(world.store.get(world.layout(batch_id).manifest))
            manifest["sla"]["finished_at"] = (now - timedelta(seconds=1)).isoformat()
            world.store.put(world.layout(batch_id).manifest, json.dumps(manifest).encode())
        return create(uri, body)

    world.store.create = published_meanwhile  # type: ignore[method-assign]
    answer = world.cancel(batch_id)
    assert answer.status_code == 409
    assert "'completed'" in answer.text
    found = world.get(batch_id)
    assert (found["status"], found["cancelling_at"]) == ("completed", None)


def test_a_viewer_may_not_cancel(world: BatchWorld) -> None:
    batch_id = in_status(world, "in_progress")
    headers = world.gateway.as_user("ann", "viewer")
    assert world.client.post(f"/v1/batches/{batch_id}/cancel", headers=headers).status_code == 403
    assert world.get(batch_id)["status"] == "in_progress"


def test_the_batches_of_another_user_do_not_exist(world: BatchWorld) -> None:
    batch_id = in_status(world, "in_progress")
    headers = world.gateway.as_user("bob", "admin")
    for answer in (
        world.client.get(f"/v1/batches/{batch_id}", headers=headers),
        world.client.post(f"/v1/batches/{batch_id}/cancel", headers=headers),
        world.client.get("/v1/batches/batch_x", headers=headers),
        world.client.get("/v1/batches/batch_" + "0" * 16, headers=headers),
    ):
        assert answer.status_code == 404
        assert answer.json()["error"]["message"].startswith("No batch found with id 'batch_")
        assert answer.json()["error"]["param"] is None
    assert world.client.get("/v1/batches", headers=headers).json()["data"] == []


def test_without_credentials_nothing_is_answered(world: BatchWorld) -> None:
    batch_id = world.create()
    for call, path in (("get", ""), ("get", f"/{batch_id}"), ("post", f"/{batch_id}/cancel")):
        assert world.client.request(call, f"/v1/batches{path}").status_code == 401
    assert world.client.post("/v1/batches", json={}).status_code == 401


def test_a_poll_of_a_running_batch_makes_one_call_and_few_reads(world: BatchWorld) -> None:
    batch_id = in_status(world, "in_progress")
    world.get(batch_id)
    calls: list[str] = []
    run, get, head, put = world.airflow.run, world.store.get, world.store.head, world.store.put
    world.airflow.run = lambda *a: calls.append("run") or run(*a)  # type: ignore[method-assign, func-returns-value]
    world.store.get = lambda uri: calls.append("get") or get(uri)  # type: ignore[method-assign, func-returns-value]
    world.store.put = lambda *a: calls.append("put") or put(*a)  # type: ignore[method-assign, func-returns-value]
    world.get(batch_id)
    assert (calls.count("run"), calls.count("put")) == (1, 0)
    assert calls.count("get") <= 12  # a memory store's head is a get
    assert head is not None


def test_a_store_that_fails_is_no_state(world: BatchWorld) -> None:
    batch_id = in_status(world, "in_progress")

    def down(uri: str) -> bytes:
        raise StoreError("down")

    world.store.get = down  # type: ignore[method-assign]
    assert world.client.get(f"/v1/batches/{batch_id}", headers=world.gateway.as_user("ann")).status_code >= 500


def test_two_batches_of_one_file_are_apart(world: BatchWorld) -> None:
    file_id = world.upload(lines(3))
    first, second = (world.post(input_file_id=file_id).json()["id"] for _ in range(2))
    assert first != second
    assert len([uri for uri in world.store.objects if uri.startswith(batches_uri(BASE, "ann"))]) == 2


def test_a_deadline_and_a_priority_are_those_of_the_job(world: BatchWorld) -> None:
    batch_id = world.create(sla_hours=6, priority=-3)
    assert world.get(batch_id)["expires_at"] == world.get(batch_id)["created_at"] + 6 * 3600
    spec = world.accept(batch_id)
    assert (spec.request.sla_hours, spec.request.priority) == (6.0, -3)
    for changes, param in (
        ({"sla_hours": 25}, "sla_hours"),
        ({"sla_hours": 0}, "sla_hours"),
        ({"priority": 101}, "priority"),
    ):
        refused = world.post(**changes)
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, param)
