"""Generate what the pinned vLLM takes: the JSON Schemas of its request models, and the arguments of ``vllm serve``.

Run in Ray's environment: ``make schemas`` writes both documents into the package, ``--check`` compares them.
The contents of a request (messages, prompts, inputs) are left open: ``orchestrator/inputs`` checks them, with better
reasons than a schema gives. A null means "not given" and is dropped before a check, so no schema has one.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pinned_vllm
from llmbatch.core.endpoints import Endpoint
from llmbatch.core.sampling import LONGEST_ANSWER, MOST_ANSWERS
from serve_arguments import serve_arguments

_PACKAGE = Path(__file__).parents[1] / "include" / "llmbatch"
SCHEMAS = _PACKAGE / "orchestrator" / "inputs" / "request_schemas.json"
ARGUMENTS = _PACKAGE / "core" / "serve_arguments.json"

Schema = dict[str, Any]

_RULES = frozenset(
    "$ref additionalProperties anyOf const enum exclusiveMaximum exclusiveMinimum items maximum maxItems maxLength "
    "minimum minItems minLength oneOf pattern prefixItems properties propertyNames required type".split()
)
"""Keywords that are kept; the others describe."""

_CONTENTS = frozenset(
    "messages input prompt text_1 text_2 data_1 data_2 queries items query documents file_url".split()
)
"""Keys that ``inputs/contents.py`` checks, but for those of ``_PARAMETERS``."""

_PARAMETERS = frozenset({(Endpoint.CHAT, "documents"), (Endpoint.TRANSCRIPTIONS, "prompt")})

_CLOSED = frozenset({"StructuredOutputsParams", "JsonSchemaResponseFormat", "RepetitionDetectionParams"})
"""Objects of vLLM in which an unknown key is a mistake."""

_ANSWER = {"minimum": 1, "maximum": LONGEST_ANSWER}
_LOGPROBS = {"minimum": -1}
_RANGES: Mapping[str, Schema] = {
    "temperature": {"minimum": 0, "maximum": 2},
    "top_p": {"exclusiveMinimum": 0, "maximum": 1},
    "top_k": {"minimum": -1, "maximum": 2**31 - 1},
    "min_p": {"minimum": 0, "maximum": 1},
    "presence_penalty": {"minimum": -2, "maximum": 2},
    "frequency_penalty": {"minimum": -2, "maximum": 2},
    "repetition_penalty": {"exclusiveMinimum": 0},
    "n": {"minimum": 1, "maximum": MOST_ANSWERS},
    "max_tokens": _ANSWER,
    "max_completion_tokens": _ANSWER,
    "max_output_tokens": _ANSWER,
    "min_tokens": {"minimum": 0, "maximum": LONGEST_ANSWER},
    "top_logprobs": _LOGPROBS,
    "prompt_logprobs": _LOGPROBS,
    "thinking_token_budget": {"minimum": -1},
    "dimensions": {"minimum": 1},
    "max_tokens_per_query": {"minimum": 0},
    "max_tokens_per_doc": {"minimum": 0},
    "cache_salt": {"minLength": 1, "maxLength": 128, "pattern": r"^[^@/\\\u0000]+$"},
    "logit_bias": {"propertyNames": {"pattern": "^[0-9]+$"}},
    "bad_words": {"maxItems": 128, "items": {"type": "string", "minLength": 1}},
}
"""What vLLM checks only when it makes its sampling parameters of a request (``SamplingParams._verify_args``)."""

_OWN_RANGES: Mapping[Endpoint, Mapping[str, Schema]] = {
    # With `echo` a completion may write nothing.
    Endpoint.COMPLETIONS: {"max_tokens": {**_ANSWER, "minimum": 0}, "logprobs": _LOGPROBS},
}
_STOP: Schema = {
    "anyOf": [
        {"type": "string", "minLength": 1},
        {"type": "array", "maxItems": 4, "items": {"type": "string", "minLength": 1}},
    ]
}
_AS_JSON: Schema = {"encoding_format": {"type": "string", "enum": ["float", "base64"]}}
"""The other formats have no form in JSON."""
_SHAPES: Mapping[Endpoint, Mapping[str, Schema]] = {
    # Other tools act, and a batch row does not.
    Endpoint.RESPONSES: {
        "tools": {"type": "array", "items": {"$ref": "#/$defs/FunctionTool"}},
        "tool_choice": {
            "anyOf": [
                {"type": "string", "enum": ["none", "auto", "required"]},
                {"$ref": "#/$defs/ToolChoiceFunction"},
            ]
        },
    },
    Endpoint.EMBEDDINGS: _AS_JSON,
    Endpoint.POOLING: _AS_JSON,
}
"""Schemas in place of those of the models."""


def request_schemas(version: str) -> Schema:
    """Return the document: ``{"vllm", "$defs", "endpoints": {url: {key: schema}}}``."""
    from openai.types.responses import FunctionTool, ToolChoiceFunction
    from pydantic.json_schema import GenerateJsonSchema, models_json_schema

    class Lenient(GenerateJsonSchema):
        def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> Schema:  # noqa: ARG002
            return {}

    models = _models()
    every = dict.fromkeys([*(model for forms in models.values() for model in forms), FunctionTool, ToolChoiceFunction])
    wanted: list[Any] = [(model, "validation") for model in every]
    made, document = models_json_schema(wanted, schema_generator=Lenient)
    defs: Schema = document["$defs"]
    endpoints: Schema = {}
    for endpoint, forms in models.items():
        keys: Schema = {}
        for form in forms:
            keys |= defs[made[form, "validation"]["$ref"].rpartition("/")[2]]["properties"]
        endpoints[endpoint.value] = {key: _property(endpoint, key, keys[key]) for key in sorted(keys)}
    used = _used(endpoints, {name: _definition(name, schema) for name, schema in defs.items()})
    return {"vllm": version, "$defs": used, "endpoints": endpoints}


def _models() -> Mapping[Endpoint, tuple[type[Any], ...]]:
    """Return the request models of each endpoint: several where it takes several forms."""
    from vllm.entrypoints.launchers.run_batch import BatchTranscriptionRequest
    from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
    from vllm.entrypoints.openai.completion.protocol import CompletionRequest
    from vllm.entrypoints.openai.responses.protocol import ResponsesRequest
    from vllm.entrypoints.pooling.classify import protocol as classify
    from vllm.entrypoints.pooling.embed import protocol as embed
    from vllm.entrypoints.pooling.pooling import protocol as pooling
    from vllm.entrypoints.pooling.scoring import protocol as scoring

    return {
        Endpoint.CHAT: (ChatCompletionRequest,),
        Endpoint.COMPLETIONS: (CompletionRequest,),
        Endpoint.RESPONSES: (ResponsesRequest,),
        Endpoint.TRANSCRIPTIONS: (BatchTranscriptionRequest,),
        Endpoint.EMBEDDINGS: (embed.EmbeddingCompletionRequest, embed.EmbeddingChatRequest),
        Endpoint.POOLING: (pooling.PoolingCompletionRequest, pooling.PoolingChatRequest),
        Endpoint.CLASSIFY: (classify.ClassificationCompletionRequest, classify.ClassificationChatRequest),
        Endpoint.SCORE: (
            scoring.ScoreQueriesDocumentsRequest,
            scoring.ScoreQueriesItemsRequest,
            scoring.ScoreDataRequest,
            scoring.ScoreTextRequest,
        ),
        Endpoint.RERANK: (scoring.RerankRequest,),
    }


def _property(endpoint: Endpoint, key: str, schema: Schema) -> Schema:
    if key in _CONTENTS and (endpoint, key) not in _PARAMETERS:
        return {}
    shape = _SHAPES.get(endpoint, {}).get(key)
    if shape is None and key == "stop":
        shape = _STOP
    ranges = {**_RANGES, **_OWN_RANGES.get(endpoint, {})}.get(key, {})
    return shape if shape is not None else {**_kept(schema), **ranges}


def _definition(name: str, schema: Schema) -> Schema:
    kept = _kept(schema)
    return {**kept, "additionalProperties": False} if name in _CLOSED else kept


def _kept(schema: Any) -> Any:
    """Return a schema without what only describes, and without nulls."""
    if isinstance(schema, bool):
        return schema
    kept: Schema = {}
    for keyword in sorted(_RULES & schema.keys()):
        value = schema[keyword]
        if keyword in ("anyOf", "oneOf"):
            variants = [_kept(variant) for variant in value if variant.get("type") != "null"]
            if len(variants) == 1:
                kept |= variants[0]
            else:
                kept["anyOf"] = variants
        elif keyword == "properties":
            kept[keyword] = {name: _kept(value[name]) for name in sorted(value) if not name.startswith("_")}
        elif keyword == "prefixItems":
            kept[keyword] = [_kept(item) for item in value]
        elif keyword in ("items", "additionalProperties", "propertyNames"):
            kept[keyword] = _kept(value)
        else:
            kept[keyword] = value
    return kept


def _used(endpoints: Schema, defs: Schema) -> Schema:
    """Return the definitions that the endpoints need, in order."""
    found: Schema = {}
    open_names = list(_references(endpoints))
    while open_names:
        name = open_names.pop()
        if name not in found:
            found[name] = defs[name]
            open_names += _references(defs[name])
    return dict(sorted(found.items()))


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].rpartition("/")[2]
        for value in schema.values():
            yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)


def main(arguments: list[str]) -> int:
    """Write both documents, or with ``--check`` compare them with those in the package."""
    version = pinned_vllm.version()
    stale = []
    for path, document in ((SCHEMAS, request_schemas(version)), (ARGUMENTS, serve_arguments(version))):
        text = json.dumps(document, indent=1, ensure_ascii=True) + "\n"
        if "--check" not in arguments:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(path)
    for path in stale:
        print(f"{path} is not what vLLM {version} takes. Run `make schemas` and commit it.", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
