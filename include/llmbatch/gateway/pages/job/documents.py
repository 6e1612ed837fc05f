"""Spec and manifest as text for a person: without what is long, and without prompts for those who may not read them."""

from __future__ import annotations

import json

from pydantic import JsonValue

from llmbatch.core.job_spec import JobSpec
from llmbatch.core.manifest import JobManifest

MOST_CHARS = 100_000
"""Characters of one document."""
MOST_OBJECTS = 20
"""Input objects and output files of the manifest that are shown."""
HIDDEN = "(only its owner and administrators may read this)"

_PROMPTS = ("system_prompt", "prompt_template", "request", "output_schema", "idempotency_key")
"""Fields of a request that hold prompts or examples of a user."""


def spec_text(spec: JobSpec, *, may_read: bool) -> str:
    """Return the spec as indented JSON.

    Args:
        spec: the accepted job.
        may_read: whether the reader may read the rows of the job; its prompts are hidden from others.
    """
    found: dict[str, JsonValue] = spec.model_dump(mode="json")
    request = found["request"]
    if isinstance(request, dict) and not may_read:
        found["request"] = {name: _hidden(name, value) for name, value in request.items()}
    return _text(found)


def manifest_text(proof: JobManifest) -> str:
    """Return the manifest as indented JSON, without its shards and the tail of its long lists."""
    found: dict[str, JsonValue] = proof.model_dump(mode="json", exclude={"shards"})
    found["outputs"] = _begun(found["outputs"])
    if isinstance(found["input"], dict):
        found["input"]["objects"] = _begun(found["input"]["objects"])
    return _text(found)


def _hidden(name: str, value: JsonValue) -> JsonValue:
    return HIDDEN if name in _PROMPTS and value else value


def _begun(values: JsonValue) -> JsonValue:
    if not isinstance(values, list) or len(values) <= MOST_OBJECTS:
        return values
    return [*values[:MOST_OBJECTS], f"… and {len(values) - MOST_OBJECTS} more"]


def _text(found: JsonValue) -> str:
    text = json.dumps(found, indent=2, ensure_ascii=False)
    return text if len(text) <= MOST_CHARS else f"{text[:MOST_CHARS]}\n… ({len(text)} characters)"
