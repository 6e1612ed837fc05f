"""Documents of other versions: unknown fields are ignored, unreadable objects cost nothing else."""

from __future__ import annotations

import ast
import json
from collections import defaultdict
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

import llmbatch
from llmbatch.core.store import MemoryStore
from llmbatch.core.stored import (
    FORMAT,
    Origin,
    is_later,
    origin_of,
    read_document,
    read_if_readable,
    reason_of,
    report_unreadable,
    unknown_fields,
)
from llmbatch.version import VERSION

STRICT = {
    # The process's own texts, not objects of a job.
    "cluster/engine_speed.py",
    "cluster/replica/replica_actor.py",
    "gateway/jobs/checks.py",
    # spec.json where it decides what is run, where it is read and where the results go.
    "core/job_spec.py",
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


class _Second(BaseModel):
    """The second format of a document: the first one had ``seconds``."""

    model_config = ConfigDict(extra="forbid")

    schema_version: int = 2
    minutes: int = 0


LATER = b'{"schema_version": 3, "versions": {"llmbatch": "9.1.0"}, "minutes": "PT4M"}'


@pytest.mark.parametrize("body", [LATER, LATER.replace(b'"PT4M"', b"4")], ids=["unreadable", "readable"])
def test_a_later_format_is_refused_and_names_both_versions(body: bytes) -> None:
    with pytest.raises(ValidationError) as caught:
        read_document(_Second, body)
    assert is_later(caught.value)
    assert reason_of(caught.value) == (
        f"schema_version: format 3, which llmbatch 9.1.0 wrote, is later than 2, the last one that llmbatch {VERSION} "
        "reads. Upgrade llmbatch here; leave the object as it is"
    )


def test_an_earlier_format_and_one_without_a_number_are_read() -> None:
    assert read_document(_Second, b'{"schema_version": 1}') == _Second(schema_version=1)
    assert read_document(_Second, b'{"minutes": 2, "more": 1}').minutes == 2
    assert read_document(_Note, b'{"schema_version": 3}') == _Note()  # a model of fields that never change


def test_what_is_broken_is_not_of_a_later_format() -> None:
    for body in (b"", b"[]", b'{"schema_version": "x"}', b'{"minutes": "many", "versions": {"llmbatch": "9"}}'):
        with pytest.raises(ValidationError) as caught:
            read_document(_Second, body)
        assert not is_later(caught.value)
    assert origin_of(b"[]") == Origin()


def test_the_log_says_who_wrote_a_skipped_document(caplog: pytest.LogCaptureFixture) -> None:
    report_unreadable.cache_clear()
    store = MemoryStore()
    store.put("s3://b/note.json", LATER)
    assert read_if_readable(_Second, "s3://b/note.json", store) is None
    assert "which llmbatch 9.1.0 wrote, is later than 2" in caplog.text


def _classes() -> dict[str, list[set[str]]]:
    """The fields that each class of the package declares itself, by its name."""
    root, found = Path(llmbatch.__file__).parent, defaultdict[str, list[set[str]]](list)
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                fields = (each.target for each in node.body if isinstance(each, ast.AnnAssign))
                found[node.name].append({field.id for field in fields if isinstance(field, ast.Name)})
    return found


def _read_models() -> set[str]:
    """The models that are named in calls of a reader."""
    root, found = Path(llmbatch.__file__).parent, set()
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            words = [each.id for each in (node.func, *node.args) if isinstance(each, ast.Name)]
            if any(word in READERS for word in words):
                found |= {word for word in words if word[:1].isupper() or word[:1] == "_"}
    return found


READERS = ("read_document", "read_if_readable")
ANY_VERSION = {"_Owner", "_Spec", "_Key", "_File"}
"""Models of the few fields that never change."""


def test_every_stored_document_has_a_format() -> None:
    models, classes = _read_models(), _classes()
    assert {"Control", "Progress", "JobManifest", "ShardTally", "BatchRecord"} <= models
    assert {name for name in models if not any(FORMAT in fields for fields in classes[name])} == ANY_VERSION


def test_every_other_document_is_read_by_this_reader() -> None:
    root = Path(llmbatch.__file__).parent
    strict = {
        str(path.relative_to(root)) for path in root.rglob("*.py") if "model_validate_json(" in path.read_text("utf-8")
    }
    assert strict == STRICT
