"""What a request may set: each limit, at it and above it."""

from __future__ import annotations

from typing import Any

import pytest

from fakes.retries import CONFIG, accepted, finished, store_with_input
from llmbatch.core.config import Config
from llmbatch.core.errors import RequestError
from llmbatch.core.job_request import parse_request
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.intake.limits import require_within_limits

LIMITS = {"max_priority": 10, "max_replicas": 4, "max_concurrency": 2, "max_tokens": 500, "models_only": True}


def config_of(**limits: Any) -> Config:
    return Config.model_validate(
        {"default_model": "small", "models": {"small": {"uri": "hub/small"}}, "limits": {**LIMITS, **limits}}
    )


def check(config: Config, conf: dict[str, Any]) -> None:
    require_within_limits(parse_request({"input_uri": "s3://b/in.jsonl", **conf}), config)


@pytest.mark.parametrize(
    ("conf", "field", "setting"),
    [
        ({"priority": 11}, "priority", "max_priority 10"),
        ({"engine": {"concurrency": 3}}, "engine.concurrency", "max_concurrency 2"),
        ({"sampling": {"max_tokens": 501}}, "sampling.max_tokens", "max_tokens 500"),
        ({"reactions": {"max_replicas": 5}}, "reactions.max_replicas", "max_replicas 4"),
        ({"reactions": {"max_tokens": 501}}, "reactions.max_tokens", "max_tokens 500"),
        ({"reactions": {"pause_lower_priority": True}}, "reactions.pause_lower_priority", "pausing is false"),
        ({"model": "org/other"}, "model", "models_only"),
        ({"reactions": {"fallback_model": "s3://m/x"}}, "reactions.fallback_model", "models_only"),
    ],
)
def test_a_value_above_a_limit_is_refused_with_field_and_setting(
    conf: dict[str, Any], field: str, setting: str
) -> None:
    with pytest.raises(RequestError, match=f"limits.{setting}") as caught:
        check(config_of(), conf)
    assert caught.value.field == field
    assert "config.yaml" in str(caught.value)


@pytest.mark.parametrize(
    "conf",
    [
        {},
        {"priority": 10, "engine": {"concurrency": 2}, "sampling": {"max_tokens": 500}, "model": "small"},
        {"priority": -100, "reactions": {"max_replicas": 4, "max_tokens": 500, "fallback_model": "small"}},
    ],
)
def test_a_value_at_its_limit_is_allowed(conf: dict[str, Any]) -> None:
    check(config_of(), conf)


def test_what_a_deployment_allows_without_a_word_about_it() -> None:
    config = Config.model_validate({"default_model": "small", "models": {"small": {"uri": "hub/small"}}})
    check(config, {"model": "org/other", "sampling": {"max_tokens": 131072}, "engine": {"concurrency": 16}})
    for conf in ({"priority": 1}, {"reactions": {"pause_lower_priority": True}}, {"engine": {"concurrency": 17}}):
        with pytest.raises(RequestError, match="limits"):
            check(config, conf)
    check(config_of(pausing=True), {"reactions": {"pause_lower_priority": True}})


def test_accept_refuses_before_it_reads_the_input() -> None:
    with pytest.raises(RequestError, match=r"limits\.max_priority"):
        accepted(MemoryStore(), "run", input_uri="s3://b/absent.jsonl", priority=1)


def test_a_retry_has_limits_too() -> None:
    store = store_with_input()
    parent = finished(store, "first", {3: "failed"}, input_uri="s3://b/in.jsonl")
    with pytest.raises(RequestError, match=r"limits\.max_concurrency"):
        accepted(store, "again", retry_failed_of=parent.job_id, max_error_rate=1, engine={"concurrency": 99})


@pytest.mark.parametrize("field", ["system_prompt", "prompt_template"])
def test_a_text_that_makes_every_prompt_too_long_is_refused_by_accept(field: str) -> None:
    config = CONFIG.model_copy(update={"staging": CONFIG.staging.model_copy(update={"max_prompt_chars": 10})})
    ending = "{prompt}{{}}" if field == "prompt_template" else "{}"  # both have two characters of their own
    store = store_with_input()
    accepted(store, "fits", config=config, input_uri="s3://b/in.jsonl", **{field: "x" * 8 + ending})
    with pytest.raises(RequestError, match=r"11 characters .* staging\.max_prompt_chars 10") as caught:
        accepted(store, "long", config=config, input_uri="s3://b/in.jsonl", **{field: "x" * 9 + ending})
    assert caught.value.field == field


def test_a_retry_keeps_the_prompts_that_were_staged() -> None:
    store = store_with_input()
    parent = finished(store, "first", {3: "failed"}, input_uri="s3://b/in.jsonl", system_prompt="x" * 50)
    config = CONFIG.model_copy(update={"staging": CONFIG.staging.model_copy(update={"max_prompt_chars": 10})})
    accepted(store, "again", config=config, retry_failed_of=parent.job_id, max_error_rate=1)
