"""The jobs of a benchmark, and what is refused before one of them runs."""

from __future__ import annotations

from typing import Any

import pytest

from fakes.retries import CONFIG
from llmbatch.core.benchmark_request import parse_benchmark
from llmbatch.core.config import Config
from llmbatch.core.errors import RequestError
from llmbatch.core.request_options import SpeedOptions
from llmbatch.orchestrator.benchmark.plan import PlannedJob, plan

INPUT = {"input_uri": "s3://b/in.jsonl"}


def planned(conf: dict[str, Any], *, owner: str = "ann", **config: Any) -> tuple[PlannedJob, ...]:
    settings = Config.model_validate(CONFIG.model_dump() | config)
    return plan(parse_benchmark({**INPUT, **conf}), "bench-1", settings, owner)


def test_one_run_a_setting_with_a_name_that_a_second_attempt_finds_again() -> None:
    jobs = planned({"batch_sizes": [8, 16]})
    assert [(job.number, job.run_id) for job in jobs] == [(1, "bench__bench-1__1"), (2, "bench__bench-1__2")]
    assert [job.setting for job in jobs] == [SpeedOptions(batch_size=8), SpeedOptions(batch_size=16)]
    assert jobs == planned({"batch_sizes": [8, 16]})
    assert PlannedJob.model_validate(jobs[0].model_dump(mode="json")) == jobs[0]


@pytest.mark.parametrize(
    ("conf", "field"),
    [
        ({"concurrencies": [1, 17]}, "engine.concurrency"),
        ({"prompt_column": "a", "messages_column": "b"}, "request"),
        ({"input_uri": "s3://elsewhere/x"}, "input_uri"),
        ({"input_uri": "s3://llmbatch/llmbatch/jobs/x"}, "input_uri"),
        ({"adopt": True, "model": "org/other"}, "adopt"),
    ],
)
def test_what_cannot_run_is_refused_before_any_job(conf: dict[str, Any], field: str) -> None:
    with pytest.raises(RequestError) as caught:
        planned(conf)
    assert caught.value.field == field


def test_only_admins_adopt_where_there_are_any() -> None:
    assert planned({"adopt": True}, admins=["ann"])
    assert planned({"adopt": True}, owner="bob")
    for owner in ("bob", ""):
        with pytest.raises(RequestError, match="for all users") as caught:
            planned({"adopt": True}, owner=owner, admins=["ann"])
        assert caught.value.field == "adopt"
    assert planned({}, owner="bob", admins=["ann"])
