"""The trigger form of the Airflow UI, made from ``JobRequest`` so that types, ranges and choices cannot differ.

Only what a person reads is written here: section, title, help, examples, names of choices. Help is plain text: the form
draws Markdown's code boxes over the neighbouring lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow.sdk import Param

from llmbatch.core.job_request import JobRequest

INPUT, PROMPT, MODEL, OUTPUT, DEADLINE = "1. Input", "2. Prompt", "3. Model", "4. Output", "5. Deadline and limits"


@dataclass(frozen=True)
class _Field:
    """What the form shows for one field; ``extra`` are further keywords of Airflow's ``Param``."""

    section: str
    title: str
    help: str
    extra: dict[str, Any] = field(default_factory=dict)


_FIELDS: dict[str, _Field] = {
    "input_uri": _Field(
        INPUT,
        "Input",
        "One object, a prefix that ends in /, or a glob: s3://bucket/prompts.jsonl, s3://bucket/day=1/, "
        "s3://bucket/day=*/part-*.parquet. Gzip (.gz) and Zstandard (.zst) are read as they are. Required, unless the "
        "failed rows of an earlier job are retried.",
        {"pattern": r"^s3://[^/]+", "examples": ["s3://bucket/prompts.jsonl", "s3://bucket/prompts/"]},
    ),
    "input_format": _Field(
        INPUT,
        "Format",
        "auto goes by the file name, then by the first lines.",
        {
            "values_display": {
                "auto": "Detect",
                "openai_batch": "OpenAI batch (JSON lines with custom_id and body)",
                "jsonl": "JSON lines",
                "parquet": "Parquet",
                "csv": "CSV",
            }
        },
    ),
    "csv": _Field(
        INPUT,
        "CSV",
        'How CSV is written, if it is not detected: {"delimiter": ";", "header": false, "encoding": "windows-1252"}. '
        "Without a header the columns are column_1, column_2 and so on.",
    ),
    "id_column": _Field(
        INPUT,
        "Id column",
        "Column whose value names the row in the results; each value once. Empty: custom_id, else id if its values "
        "are unique. none: rows have no id of their own.",
        {"examples": ["custom_id", "none"]},
    ),
    "sample_rows": _Field(
        INPUT,
        "Only a sample",
        "Run so many rows, spread over the whole input; the same ones in every job on it. Empty: all rows.",
    ),
    "retry_failed_of": _Field(
        INPUT,
        "Retry the failed rows of",
        "Id of a finished job of yours. Its rows that did not succeed are run again and all rows are delivered. "
        "Input, format and prompt are that job's: leave those fields as they are.",
        {"examples": ["job-0123456789abcdef"]},
    ),
    "prompt_column": _Field(
        PROMPT,
        "Prompt column",
        "Column with the prompt. If you give no column and no template: the first of messages, conversations, prompt, "
        "text, question, instruction, input; an instruction with its input, a question with its context.",
        {"examples": ["prompt", "text"]},
    ),
    "messages_column": _Field(
        PROMPT,
        "Messages column",
        "Column with a chat: a list of {role, content} or of {from, value}. Instead of a prompt column.",
        {"examples": ["messages"]},
    ),
    "prompt_template": _Field(
        PROMPT,
        "Prompt template",
        "Text with {column} placeholders, e.g. Translate to French: {text}. Instead of a prompt column.",
        {"format": "multiline"},
    ),
    "system_prompt": _Field(PROMPT, "System prompt", "Put before every chat.", {"format": "multiline"}),
    "model": _Field(
        MODEL,
        "Model",
        "A name from config.yaml, a hub id (Qwen/Qwen3-8B), an s3:// folder or a path on the Ray nodes. "
        "Empty: the deployment's default; for a retry, the model of the earlier job.",
    ),
    "strict_model": _Field(
        MODEL,
        "Fail rows of other models",
        "Rows may name the model or one of its adapters. Others are answered by the model and counted, or fail.",
    ),
    "task": _Field(
        MODEL,
        "Task",
        "What the engine does with a row of a table; lines of OpenAI's batch format name their endpoint. A score reads "
        "the columns text_1 and text_2, query and document, or queries and documents.",
        {
            "values_display": {
                "generate": "Generate text",
                "embed": "Embed",
                "classify": "Classify",
                "score": "Score pairs",
            }
        },
    ),
    "sampling": _Field(
        MODEL,
        "Sampling",
        'OpenAI names, for rows that do not set their own: {"max_tokens": 256, "temperature": 0.7, "seed": 1}.',
    ),
    "request": _Field(
        MODEL,
        "Request",
        'Any field of a request body, for rows that do not set their own: {"n": 2, "logprobs": true, '
        '"chat_template_kwargs": {"enable_thinking": false}}. It precedes Sampling, its short form.',
    ),
    "engine": _Field(
        MODEL,
        "Engine",
        "Over the deployment's settings: batch_size (1 to 1024), concurrency (replicas), gpu_memory_utilization "
        "(0.5 to 0.95), max_num_batched_tokens, max_model_len, enforce_eager, chunked_prefill. "
        "tuned: false leaves out the settings that a benchmark found best for the model.",
    ),
    "output_schema": _Field(
        OUTPUT, "Output schema", "A JSON Schema that every answer must satisfy (guided decoding). Empty: free text."
    ),
    "output_uri": _Field(
        OUTPUT,
        "Deliver to",
        "Folder for the results, e.g. s3://bucket/answers/. The job delivers into a folder of its id there; "
        "latest.json names the newest job. Empty: output/ in the job's folder.",
        {"pattern": r"^s3://[^/]+", "examples": ["s3://bucket/answers/"]},
    ),
    "output_format": _Field(
        OUTPUT,
        "Format",
        "auto answers in the format of the input (CSV in JSON lines).",
        {
            "values_display": {
                "auto": "As the input",
                "openai_batch": "OpenAI batch (output and error files)",
                "jsonl": "JSON lines",
                "parquet": "Parquet",
            }
        },
    ),
    "keep_columns": _Field(
        OUTPUT,
        "Columns that come back",
        'Columns of a table beside the answers: all, none, or names such as ["id", "topic"]. Empty: all, as long as '
        "those of a row are not too large.",
        {"examples": ["all", "none"]},
    ),
    "response_column": _Field(
        OUTPUT, "Whole responses", "Adds a column response with the body of each response to a table of answers."
    ),
    "sla_hours": _Field(DEADLINE, "Hours until the deadline", "Counted from the start of the run. 0.5 is 30 minutes."),
    "on_deadline": _Field(
        DEADLINE,
        "At the deadline",
        "Expired rows are delivered as such, and retry_failed_of can run them later.",
        {
            "values_display": {
                "expire": "Deliver what is done; rows that have not begun expire",
                "finish": "Finish all rows, late",
            }
        },
    ),
    "on_infeasible": _Field(
        DEADLINE,
        "If the deadline cannot be kept",
        "Predicted by the task accept from finished jobs and from the jobs that are due before this one. Without such "
        "a history every job is accepted.",
        {"values_display": {"accept": "Run anyway, with a warning", "reject": "Fail at once, before any work"}},
    ),
    "reactions": _Field(
        DEADLINE,
        "Reactions",
        "Automatic steps that are allowed once the deadline is at risk, in this order: max_replicas (grow the pool up "
        "to this number), pause_lower_priority (true, if limits.pausing allows it: running jobs of a lower priority "
        "wait, at most until this deadline), max_tokens (shorten "
        "answers that have not started), fallback_model (a smaller model answers the rest). Empty: nothing.",
    ),
    "dry_run": _Field(
        DEADLINE,
        "Dry run",
        "Reads the whole input and reports what the job would need: rows, bad rows, tokens, cost, time, rows that are "
        "too long. Starts no engine and delivers nothing.",
    ),
    "priority": _Field(
        DEADLINE,
        "Priority",
        "Of the jobs that wait for the cluster, the highest starts first. The deployment limits it "
        "(limits.max_priority, 0 unless set).",
    ),
    "max_error_rate": _Field(
        DEADLINE,
        "Tolerated share of failed rows",
        "0.05 is 5 %. A failed row is delivered as failed with its reason; above this share the job fails.",
    ),
    "idempotency_key": _Field(
        DEADLINE,
        "Idempotency key",
        "Any text. A later run of yours with the same key and the same request gets this job instead of a new one.",
    ),
}


def form_params(defaults: Mapping[str, Any] | None = None) -> dict[str, Param]:
    """Return the DAG's params in form order.

    Args:
        defaults: values to fill in, e.g. ``input_uri`` in a scheduled DAG (Airflow schedules no DAG with an empty
            required param).
    """
    schema = JobRequest.model_json_schema()
    return {name: _param(name, _FIELDS[name], schema, defaults or {}) for name in _FIELDS}


def _param(name: str, shown: _Field, schema: dict[str, Any], defaults: Mapping[str, Any]) -> Param:
    prop = schema["properties"][name]
    rules = _rules(prop, schema["$defs"])
    default: dict[str, Any] = {}
    if name in defaults:
        default = {"default": defaults[name]}
    elif "default" in prop:
        # An empty object would be shown as text to edit; null is shown as "not given" and means the same.
        default = {"default": None if "object" in rules["type"] else prop["default"]}
    return Param(**default, title=shown.title, description=shown.help, section=shown.section, **shown.extra, **rules)


def _rules(prop: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON Schema of one field in the flat form that Airflow's UI understands: one ``type``, no ``$ref``."""
    variants = [_resolved(variant, definitions) for variant in prop.get("anyOf", [prop])]
    merged: dict[str, Any] = {}
    for variant in variants:
        merged.update({key: value for key, value in variant.items() if key not in _NOT_RULES})
    if len([variant for variant in variants if variant["type"] != "null"]) > 1:
        merged.pop("enum", None)  # it would hold for the other types, too; the request checks it
    types = [variant["type"] for variant in variants]
    if "object" in types and "null" not in types:
        types.append("null")
    merged["type"] = types if len(types) > 1 else types[0]
    return merged


_NOT_RULES = frozenset({"title", "description", "default"})


def _resolved(variant: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = variant.get("$ref")
    found: Mapping[str, Any] = definitions[reference.rpartition("/")[2]] if reference else variant
    if isinstance(found.get("additionalProperties"), dict):
        return {key: value for key, value in found.items() if key != "additionalProperties"}
    return found
