"""The official SDK, unchanged and in process, over the routes."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from fakes.batches import BatchWorld, in_status
from fakes.input_rows import CHAT


@pytest.fixture
def world() -> BatchWorld:
    return BatchWorld()


def sdk(world: BatchWorld, user: str = "ann", retries: int = 2) -> openai.OpenAI:
    client: Any = world.client
    return openai.OpenAI(
        api_key=f"user-{user}", base_url="http://testserver/v1", http_client=client, max_retries=retries
    )


def create(client: openai.OpenAI, file_id: str, **changes: Any) -> openai.types.Batch:
    given = {"endpoint": CHAT, "completion_window": "24h", **changes}
    return client.batches.create(input_file_id=file_id, **given)


@pytest.mark.parametrize("metadata", [None, {}, {str(number): "x" for number in range(16)}])
def test_the_sdk_creates_a_batch(world: BatchWorld, metadata: dict[str, str] | None) -> None:
    client = sdk(world)
    batch = create(client, world.upload(), metadata=metadata, extra_body={"unknown": [1]})
    assert (batch.status, batch.metadata) == ("validating", metadata)
    assert client.batches.retrieve(batch.id) == batch


def test_output_files_may_expire(world: BatchWorld) -> None:
    batch = create(sdk(world), world.upload(), output_expires_after={"anchor": "created_at", "seconds": 3600})
    assert batch.status == "validating"


def test_the_sdk_reads_the_end(world: BatchWorld) -> None:
    batch = sdk(world).batches.retrieve(in_status(world, "completed"))
    assert batch.request_counts is not None
    assert batch.usage is not None
    assert (batch.request_counts.completed, batch.usage.total_tokens) == (9, 80)


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"endpoint": "/v1/nothing"}, "endpoint"),
        ({"completion_window": "1h"}, "completion_window"),
        ({"metadata": {str(number): "x" for number in range(17)}}, "metadata"),
        ({"metadata": {"tags": ["a"]}}, "metadata.tags"),
    ],
)
def test_a_bad_parameter_is_a_bad_request_and_no_batch(world: BatchWorld, changes: dict[str, Any], param: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        create(sdk(world), world.upload(), **changes)
    assert caught.value.param == param
    assert world.airflow.dag_runs == {}
    assert list(sdk(world).batches.list()) == []


@pytest.mark.parametrize(
    "change",
    [
        {"input_file_id": None},
        {"input_file_id": 7},
        {"completion_window": 24},
        {"output_expires_after": {"seconds": 1}},
        {"metadata": [1]},
    ],
)
def test_a_body_of_another_form_is_a_bad_request(world: BatchWorld, change: dict[str, Any]) -> None:
    body = {"input_file_id": world.upload(), "endpoint": CHAT, "completion_window": "24h", **change}
    answer = world.client.post("/v1/batches", json=body, headers=world.gateway.as_user("ann"))
    assert answer.status_code == 400
    assert str(answer.json()["error"]["param"]).startswith(next(iter(change)))
    assert world.airflow.dag_runs == {}


def test_the_sdk_lists_each_batch_once(world: BatchWorld) -> None:
    client = sdk(world)
    ids = []
    for _ in range(7):
        world.clock.advance(1)
        ids.append(create(client, world.upload()).id)
    assert [batch.id for batch in client.batches.list(limit=2)] == ids[::-1]
    assert [batch.id for batch in client.batches.list()] == ids[::-1]
    assert list(client.batches.list(after="batch_gone", limit=2)) == []
    empty = client.batches.list(limit=0)
    assert (empty.data, empty.has_more) == ([], False)
    assert list(sdk(world, "bob").batches.list()) == []


@pytest.mark.parametrize(
    ("limit", "code", "text"),
    [
        (101, "integer_above_max_value", "integer above maximum value. Expected a value <= 100, but got 101 instead."),
        (-1, "integer_below_min_value", "integer below minimum value. Expected a value >= 0, but got -1 instead."),
    ],
)
def test_a_limit_has_bounds(world: BatchWorld, limit: int, code: str, text: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        sdk(world).batches.list(limit=limit)
    assert (caught.value.param, caught.value.code) == ("limit", code)
    assert f"Invalid 'limit': {text}" in str(caught.value)


def test_the_sdk_cancels(world: BatchWorld) -> None:
    batch = sdk(world).batches.cancel(in_status(world, "in_progress"))
    assert (batch.status, isinstance(batch.cancelling_at, int)) == ("cancelling", True)


def test_a_cancel_that_comes_too_late_is_one_request(world: BatchWorld) -> None:
    batch_id = in_status(world, "completed")
    client = sdk(world)
    sent = []
    send = world.client.send
    world.client.send = lambda *a, **k: sent.append(a) or send(*a, **k)  # type: ignore[method-assign, func-returns-value]
    with pytest.raises(openai.ConflictError, match="Cannot cancel a batch with status 'completed'"):
        client.batches.cancel(batch_id)
    assert len(sent) == 1


def test_the_batch_of_another_user_is_not_found(world: BatchWorld) -> None:
    batch_id = in_status(world, "in_progress")
    for call in (sdk(world, "bob").batches.retrieve, sdk(world, "bob").batches.cancel):
        with pytest.raises(openai.NotFoundError, match=f"No batch found with id '{batch_id}'"):
            call(batch_id)
