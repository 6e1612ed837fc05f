"""A job whose input changes between accept and stage: only the accepted version of an object is read."""

from __future__ import annotations

import io
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fakes.retries import CREATED, accepted, staged_rows_of
from llmbatch.core.clock import ManualClock
from llmbatch.core.errors import InputChanged
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.jobs.staged_shards import load_staged
from llmbatch.orchestrator.staging.stage import stage


def _parquet(*prompts: str) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"prompt": list(prompts)}), sink)
    return sink.getvalue()


def _csv(*prompts: str) -> bytes:
    return "\n".join(["prompt", *prompts, ""]).encode()


def _jsonl(*prompts: str) -> bytes:
    return "".join(f'{{"prompt": "{prompt}"}}\n' for prompt in prompts).encode()


FORMATS = {"parquet": _parquet, "csv": _csv, "jsonl": _jsonl}


def accepted_job(ending: str, uri: str) -> tuple[MemoryStore, Callable[..., bytes], Callable[[], list[str]]]:
    """Return a store in which a job over two objects was accepted, and a function that stages it."""
    store, body = MemoryStore(), FORMATS[ending]
    store.put(f"s3://b/in/1.{ending}", body("one", "two"))
    store.put(f"s3://b/in/2.{ending}", body("three"))
    spec = accepted(store, "run", input_uri=uri.replace("*", f"*.{ending}"))

    def staged() -> list[str]:
        try:
            stage(spec, store, ManualClock(CREATED))
        except InputChanged:
            assert load_staged(spec, store) is None
            raise
        return [row["row_id"] for row in staged_rows_of(spec, store)]

    return store, body, staged


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("number", [1, 2])
def test_a_replaced_object_ends_the_job(ending: str, number: int) -> None:
    store, body, staged = accepted_job(ending, "s3://b/in/")
    old = store.get(f"s3://b/in/{number}.{ending}")
    store.put(f"s3://b/in/{number}.{ending}", body("other", "words"))
    with pytest.raises(InputChanged, match=f"{number}.{ending} is no longer the object.*Put the old object back"):
        staged()
    store.put(f"s3://b/in/{number}.{ending}", old)
    assert len(staged()) == 3


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("number", [1, 2])
def test_a_deleted_object_ends_the_job(ending: str, number: int) -> None:
    store, _, staged = accepted_job(ending, "s3://b/in/")
    del store.objects[f"s3://b/in/{number}.{ending}"]
    with pytest.raises(InputChanged, match=f"{number}.{ending}"):
        staged()


@pytest.mark.parametrize("ending", FORMATS)
@pytest.mark.parametrize("uri", ["s3://b/in/", "s3://b/in/*"])
def test_an_added_object_is_no_part_of_the_job(ending: str, uri: str) -> None:
    store, body, staged = accepted_job(ending, uri)
    store.put(f"s3://b/in/0.{ending}", body("before all"))
    store.put(f"s3://b/in/3.{ending}", body("after all"))
    assert [row_id.split("-")[0] for row_id in staged()] == ["00000", "00000", "00001"]


def test_once_staged_the_input_may_go() -> None:
    store, _, staged = accepted_job("jsonl", "s3://b/in/")
    first = staged()
    for uri in [uri for uri in store.objects if uri.startswith("s3://b/in/")]:
        del store.objects[uri]
    assert staged() == first
