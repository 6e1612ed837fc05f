"""Spec and manifest for a person."""

from __future__ import annotations

import json

from fakes.finished_jobs import finish, spec_of
from llmbatch.core.job_spec import InputObject
from llmbatch.core.manifest import OutputRecord
from llmbatch.core.store import MemoryStore
from llmbatch.gateway.pages.job.documents import HIDDEN, MOST_CHARS, MOST_OBJECTS, manifest_text, spec_text


def test_prompts_are_hidden_from_those_who_may_not_read_rows() -> None:
    spec = spec_of(system_prompt="secret words", prompt_template="secret {text}")
    assert json.loads(spec_text(spec, may_read=True)) == spec.model_dump(mode="json")
    hidden = spec_text(spec, may_read=False)
    assert ("secret" in hidden, json.loads(hidden)["request"]["system_prompt"]) == (False, HIDDEN)
    assert json.loads(hidden)["request"]["input_uri"] == "s3://b/in.jsonl"


def test_a_manifest_without_its_long_lists() -> None:
    proof = finish(MemoryStore(), spec_of())
    many = tuple(OutputRecord(uri=f"s3://b/{n}", rows=1, etag="e") for n in range(100))
    objects = tuple(InputObject(uri=f"s3://b/{n}", etag="e", size=1) for n in range(100))
    record = proof.input.model_copy(update={"objects": objects})
    found = json.loads(manifest_text(proof.model_copy(update={"outputs": many, "input": record})))
    assert "shards" not in found
    assert len(found["outputs"]) == len(found["input"]["objects"]) == MOST_OBJECTS + 1
    assert found["outputs"][-1] == "… and 80 more"


def test_a_huge_document_is_cut() -> None:
    text = spec_text(spec_of(system_prompt="x" * 2**20), may_read=True)
    assert len(text) < MOST_CHARS + 50
