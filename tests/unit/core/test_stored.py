"""Documents of other versions: unknown fields are ignored, unreadable objects cost nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

import llmbatch
from llmbatch.core.store import MemoryStore
from llmbatch.core.stored import read_document, read_if_readable, report_unreadable, unknown_fields

STRICT = {
    # The process's own texts, not objects of a job.
    "cluster/engine_speed.py",
    "cluster/replica/replica_actor.py",
    "gateway/jobs/checks.py",
    # spec.json where it decides what is run, where it is read and where the results go.
    "core/job_spec.py",
    # The list of the input, which must be the accepted one to the byte.
    "orchestrator/jobs/documents.py",
    # Models of a few fields, which ignore all others.
    "orchestrator/jobs/folders.py",
    "orchestrator/maintenance/removal.py",
    # Answers of Airflow.
    "gateway/airflow/answers.py",
    "gateway/airflow/refusals.py",
    # The reader itself.
    "core/stored.py",
}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")

    count: int = 0


class _Note(BaseModel):
    model_config = ConfigDict(extra="forbid")

    part: _Part = _Part()
    parts: tuple[_Part, ...] = ()


NEWER = json.dumps({"part": {"count": 1, "new": 2}, "parts": [{"new": 3}], "newer": {"a": []}}).encode()


def test_unknown_fields_are_ignored_at_every_depth_and_can_be_named() -> None:
    assert read_document(_Note, NEWER) == _Note(part=_Part(count=1), parts=(_Part(),))
    assert set(unknown_fields(_Note, NEWER)) == {"part.new", "parts.0.new", "newer"}
    assert unknown_fields(_Note, b"{}") == ()


def test_a_value_that_this_version_does_not_know_is_an_error() -> None:
    with pytest.raises(ValidationError):
        read_document(_Note, b'{"part": {"count": "many"}}')


def test_an_unreadable_document_is_skipped_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    report_unreadable.cache_clear()
    store = MemoryStore()
    for body in (b"", b"not json", b'{"part": 1}'):
        store.put("s3://b/note.json", body)
        assert read_if_readable(_Note, "s3://b/note.json", store) is None
    assert caplog.text.count("event=object_unreadable uri=s3://b/note.json problems=1") == 1
    assert read_if_readable(_Note, "s3://b/removed.json", store) is None
    store.put("s3://b/note.json", NEWER)
    assert read_if_readable(_Note, "s3://b/note.json", store) is not None


def test_every_other_document_is_read_by_this_reader() -> None:
    root = Path(llmbatch.__file__).parent
    strict = {
        str(path.relative_to(root)) for path in root.rglob("*.py") if "model_validate_json(" in path.read_text("utf-8")
    }
    assert strict == STRICT
