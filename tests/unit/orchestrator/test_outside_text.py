"""Keys, names and values from outside begin no line of their own in a log or an error."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from fakes.retries import CREATED, accepted, put_answers
from llmbatch.core.clock import ManualClock
from llmbatch.core.errors import ConfigError, InputChanged, LlmbatchError, RayJobError, RequestError, StoreError
from llmbatch.core.store import MemoryStore
from llmbatch.orchestrator.publishing.publish import publish
from llmbatch.orchestrator.ray_jobs.outcome import failure_text
from llmbatch.orchestrator.ray_jobs.status import RayJobInfo, RayJobStatus
from llmbatch.orchestrator.staging.stage import stage

EVIL = "a\nevent=published job_id=forged \x1b[2J\u202e\u2028\x85"


def printable(caplog: pytest.LogCaptureFixture) -> bool:
    return all(record.getMessage().isprintable() for record in caplog.records)


def test_a_whole_job_over_odd_keys_logs_printable_lines(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    store = MemoryStore()
    rows = [{"prompt": EVIL, "id": EVIL}, {"prompt": "q", "id": EVIL}, {"id": "no prompt", EVIL: 1}]
    body = "".join(json.dumps(row) + "\n" for row in rows).encode() + b'{"\x1b\n'
    store.put(f"s3://b/in/{EVIL}.jsonl", body)
    spec = accepted(store, "r", input_uri="s3://b/in/", max_error_rate=1, model=EVIL)
    stage(spec, store, ManualClock(CREATED))
    put_answers(spec, store, {1: "failed"})
    assert publish(spec, store, ManualClock(CREATED)).rows.input >= 4
    assert len(caplog.records) > 3
    assert printable(caplog)


@pytest.mark.parametrize(
    "error",
    [
        RequestError("prompt_column", f"no column {EVIL}", "Name one."),
        StoreError(f"s3://b/{EVIL}: <html>\n"),
        InputChanged(f"s3://b/{EVIL}", "etag"),
    ],
)
def test_the_text_of_an_error_is_one_printable_line(error: LlmbatchError) -> None:
    assert str(error).isprintable()
    assert r"a\nevent=published" in str(error)


def test_a_wrong_value_of_a_request_is_quoted_on_one_line() -> None:
    with pytest.raises(RequestError) as caught:
        accepted(MemoryStore(), "r", input_uri="s3://b/a", **{EVIL: 1})
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("kind", [ConfigError, RayJobError])
def test_errors_of_several_lines_have_printable_lines(kind: Any) -> None:
    lines = str(kind(f"first\n{EVIL}")).split("\n")
    assert lines[:2] == ["first", "a"]
    assert all(line.isprintable() for line in lines)


def test_the_end_of_a_ray_job_s_log_has_printable_lines() -> None:
    info = RayJobInfo(submission_id="job-1-g1", status=RayJobStatus.FAILED)
    text = failure_text(info, "a reason", "\x1b[31mred\rx\x1b[0m\nsecond")
    assert text.split("\n")[-2:] == [r"\x1b[31mred\rx\x1b[0m", "second"]
