"""Delivery to another address from the command line."""

from __future__ import annotations

import json

import pytest

from fakes.retries import finished, store_with_input
from llmbatch.cli import deliver as command
from llmbatch.cli.deliver import main
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.store import MemoryStore


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> tuple[JobSpec, MemoryStore]:
    store = store_with_input()
    monkeypatch.setattr(command, "open_environment_store", lambda: store)
    return finished(store, "first", input_uri="s3://b/in.jsonl"), store


def test_its_last_line_lists_the_files(job: tuple[JobSpec, MemoryStore], capsys: pytest.CaptureFixture[str]) -> None:
    spec, store = job
    assert main([f"{spec.root_uri}/", "s3://elsewhere/answers"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1].removeprefix("RESULT "))
    folder = f"s3://elsewhere/answers/{spec.job_id}/"
    assert [output["uri"] for output in found] == [f"{folder}results.jsonl", f"{folder}failed.jsonl"]
    assert all(output["uri"] in store.objects for output in found)


@pytest.mark.parametrize(
    ("job_uri", "target", "words"),
    [
        (None, "s3://llmbatch/llmbatch/x", "output_uri: s3://llmbatch/llmbatch/x is, holds or is under"),
        (None, "s3://b/\nx", "control character"),
        (None, "/tmp/x", "s3://bucket/key"),
        ("s3://b/jobs/job-1", "s3://b/x", "s3://b/jobs/job-1/spec.json does not exist"),
    ],
)
def test_what_cannot_be_delivered_is_reported(
    job: tuple[JobSpec, MemoryStore],
    capsys: pytest.CaptureFixture[str],
    job_uri: str | None,
    target: str,
    words: str,
) -> None:
    spec, store = job
    before = dict(store.objects)
    assert main([job_uri or spec.root_uri, target]) == 1
    assert words in capsys.readouterr().err
    assert store.objects == before
