"""Adopted settings under those of a request, and what an accepted job keeps."""

from __future__ import annotations

from typing import Any

import pytest

from fakes.retries import CONFIG, accepted, finished, store_with_input
from fakes.tuned import BASE, BENCHMARK, tuned
from llmbatch.core.config import Config
from llmbatch.core.layout import tuned_uri
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.jobs.documents import read_spec

INPUT = "s3://b/in.jsonl"
URI = tuned_uri(BASE, "small")


def adopted(store: MemoryStore, **settings: Any) -> None:
    store.put(URI, tuned(**settings).model_dump_json().encode())


def config_of(**changes: Any) -> Config:
    return Config.model_validate(CONFIG.model_dump() | changes)


def test_they_are_over_config_yaml_and_under_the_request() -> None:
    store = store_with_input()
    adopted(store, batch_size=64, enforce_eager=False)
    plain = accepted(store, "plain", input_uri=INPUT)
    assert (plain.engine.max_num_seqs, plain.engine.enforce_eager) == (64, False)
    assert plain.engine.max_num_batched_tokens == CONFIG.engine.max_num_batched_tokens
    assert plain.tuned is not None
    assert plain.tuned.benchmark_id == BENCHMARK
    own = accepted(store, "own", input_uri=INPUT, engine={"batch_size": 8})
    assert (own.engine.max_num_seqs, own.engine.enforce_eager) == (8, False)


def test_a_request_can_decline_them_and_other_models_have_none() -> None:
    store = store_with_input()
    adopted(store, batch_size=64)
    for conf in ({"engine": {"tuned": False}}, {"model": "big"}, {"model": "org/other"}):
        spec = accepted(store, str(conf), input_uri=INPUT, **conf)
        assert (spec.tuned, spec.engine) == (None, CONFIG.engine)


@pytest.mark.parametrize(
    ("settings", "changes", "words"),
    [
        ({"model_uri": "hub/older"}, {}, "measured with hub/older on cpu, and config.yaml has hub/small on cpu"),
        ({}, {"engine": {"accelerator": "gpu"}}, "hub/small on gpu"),
        ({"concurrency": 3}, {"limits": {"max_concurrency": 2}}, "concurrency 3 is above limits.max_concurrency 2"),
    ],
)
def test_those_that_do_not_fit_the_deployment_are_ignored_with_a_warning(
    settings: dict[str, Any], changes: dict[str, Any], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = store_with_input()
    adopted(store, batch_size=64, **settings)
    spec = accepted(store, "r", input_uri=INPUT, config=config_of(**changes))
    assert (spec.tuned, spec.engine.max_num_seqs) == (None, 256)
    assert "event=tuned_ignored" in caplog.text
    assert words in caplog.text


@pytest.mark.parametrize("before", [{"batch_size": 64}, None])
@pytest.mark.parametrize("after", [{"batch_size": 32}, None])
def test_a_job_that_is_accepted_again_keeps_what_it_was_accepted_with(before: Any, after: Any) -> None:
    store = store_with_input()
    if before is not None:
        adopted(store, **before)
    first = accepted(store, "r", input_uri=INPUT)
    store.delete(URI)
    if after is not None:
        adopted(store, **after, benchmark_id="bench-00000000000000bb")
    assert accepted(store, "r", input_uri=INPUT) == first
    assert read_spec(first.root_uri, store) == first


def test_a_retry_has_those_of_the_model_that_it_inherits() -> None:
    store = store_with_input()
    parent = finished(store, "first", {2: "failed"}, input_uri=INPUT)
    adopted(store, batch_size=64)
    retry = accepted(store, "second", retry_failed_of=parent.job_id)
    assert (parent.tuned, retry.engine.max_num_seqs) == (None, 64)
