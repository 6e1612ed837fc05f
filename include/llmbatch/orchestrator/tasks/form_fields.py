"""What a person reads in the trigger form: section, title, help, examples and names of choices of each field.

Help is plain text: the form draws Markdown's code boxes over the neighbouring lines.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

INPUT, PROMPT, MODEL, OUTPUT, DEADLINE = "1. Input", "2. Prompt", "3. Model", "4. Output", "5. Deadline and limits"


@dataclass(frozen=True)
class FormField:
    """What the form shows for one field; ``extra`` are further keywords of Airflow's ``Param``."""

    section: str
    title: str
    help: str
    extra: dict[str, Any] = field(default_factory=dict)


FIELDS: dict[str, FormField] = {
    "input_uri": FormField(
        INPUT,
        "Input",
        "One object, a prefix that ends in /, or a glob: s3://bucket/prompts.jsonl, s3://bucket/day=1/, "
        "s3://bucket/day=*/part-*.parquet. Gzip (.gz) and Zstandard (.zst) are read as they are. Required, unless the "
        "failed rows of an earlier job are retried.",
        {"pattern": r"^s3://[^/]+", "examples": ["s3://bucket/prompts.jsonl", "s3://bucket/prompts/"]},
    ),
    "input_format": FormField(
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
    "csv": FormField(
        INPUT,
        "CSV",
        'How CSV is written, if it is not detected: {"delimiter": ";", "header": false, "encoding": "windows-1252"}. '
        "Without a header the columns are column_1, column_2 and so on.",
    ),
    "id_column": FormField(
        INPUT,
        "Id column",
        "Column whose value names the row in the results; each value once. Empty: custom_id, else id if its values "
        "are unique. none: rows have no id of their own.",
        {"examples": ["custom_id", "none"]},
    ),
    "batch_endpoint": FormField(
        INPUT,
        "OpenAI batch for",
        "Endpoint of a batch of OpenAI's API. If any line is not a request of it, no row runs. Empty: each row counts "
        "alone.",
    ),
    "sample_rows": FormField(
        INPUT,
        "Only a sample",
        "Run so many rows, spread over the whole input; the same ones in every job on it. Empty: all rows.",
    ),
    "retry_failed_of": FormField(
        INPUT,
        "Retry the failed rows of",
        "Id of a finished job of yours. Its rows that did not succeed are run again and all rows are delivered. "
        "Input, format and prompt are that job's: leave those fields as they are.",
        {"examples": ["job-0123456789abcdef"]},
    ),
    "prompt_column": FormField(
        PROMPT,
        "Prompt column",
        "Column with the prompt. If you give no column and no template: the first of messages, conversations, prompt, "
        "text, question, instruction, input; an instruction with its input, a question with its context.",
        {"examples": ["prompt", "text"]},
    ),
    "messages_column": FormField(
        PROMPT,
        "Messages column",
        "Column with a chat: a list of {role, content} or of {from, value}. Instead of a prompt column.",
        {"examples": ["messages"]},
    ),
    "prompt_template": FormField(
        PROMPT,
        "Prompt template",
        "Text with {column} placeholders, e.g. Translate to French: {text}. Instead of a prompt column.",
        {"format": "multiline"},
    ),
    "system_prompt": FormField(PROMPT, "System prompt", "Put before every chat.", {"format": "multiline"}),
    "model": FormField(
        MODEL,
        "Model",
        "A name from config.yaml, a hub id (Qwen/Qwen3-8B), an s3:// folder or a path on the Ray nodes. "
        "Empty: the deployment's default; for a retry, the model of the earlier job.",
    ),
    "strict_model": FormField(
        MODEL,
        "Fail rows of other models",
        "Rows may name the model or one of its adapters. Others are answered by the model and counted, or fail.",
    ),
    "task": FormField(
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
    "sampling": FormField(
        MODEL,
        "Sampling",
        'OpenAI names, for rows that do not set their own: {"max_tokens": 256, "temperature": 0.7, "seed": 1}.',
    ),
    "request": FormField(
        MODEL,
        "Request",
        'Any field of a request body, for rows that do not set their own: {"n": 2, "logprobs": true, '
        '"chat_template_kwargs": {"enable_thinking": false}}. It precedes Sampling, its short form.',
    ),
    "engine": FormField(
        MODEL,
        "Engine",
        "Over the deployment's settings: batch_size (1 to 1024), concurrency (replicas), gpu_memory_utilization "
        "(0.5 to 0.95), max_num_batched_tokens, max_model_len, enforce_eager, chunked_prefill. "
        "tuned: false leaves out the settings that a benchmark found best for the model.",
    ),
    "output_schema": FormField(
        OUTPUT, "Output schema", "A JSON Schema that every answer must satisfy (guided decoding). Empty: free text."
    ),
    "output_uri": FormField(
        OUTPUT,
        "Deliver to",
        "Folder for the results, e.g. s3://bucket/answers/. The job delivers into a folder of its id there; "
        "latest.json names the newest job. Empty: output/ in the job's folder.",
        {"pattern": r"^s3://[^/]+", "examples": ["s3://bucket/answers/"]},
    ),
    "output_format": FormField(
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
    "keep_columns": FormField(
        OUTPUT,
        "Columns that come back",
        'Columns of a table beside the answers: all, none, or names such as ["id", "topic"]. Empty: all, as long as '
        "those of a row are not too large.",
        {"examples": ["all", "none"]},
    ),
    "response_column": FormField(
        OUTPUT, "Whole responses", "Adds a column response with the body of each response to a table of answers."
    ),
    "sla_hours": FormField(
        DEADLINE, "Hours until the deadline", "Counted from the start of the run. 0.5 is 30 minutes."
    ),
    "on_deadline": FormField(
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
    "on_cancel": FormField(
        DEADLINE,
        "If it is cancelled",
        "By a request in its control object. retry_failed_of can run cancelled rows later.",
        {
            "values_display": {
                "stop": "Stop at once and deliver nothing",
                "deliver": "Deliver what is done; the other rows are cancelled",
            }
        },
    ),
    "on_infeasible": FormField(
        DEADLINE,
        "If the deadline cannot be kept",
        "Predicted by the task accept from finished jobs and from the jobs that are due before this one. Without such "
        "a history every job is accepted.",
        {"values_display": {"accept": "Run anyway, with a warning", "reject": "Fail at once, before any work"}},
    ),
    "reactions": FormField(
        DEADLINE,
        "Reactions",
        "Automatic steps that are allowed once the deadline is at risk, in this order: max_replicas (grow the pool up "
        "to this number), pause_lower_priority (true, if limits.pausing allows it: running jobs of a lower priority "
        "wait, at most until this deadline), max_tokens (shorten "
        "answers that have not started), fallback_model (a smaller model answers the rest). Empty: nothing.",
    ),
    "dry_run": FormField(
        DEADLINE,
        "Dry run",
        "Reads the whole input and reports what the job would need: rows, bad rows, tokens, cost, time, rows that are "
        "too long. Starts no engine and delivers nothing.",
    ),
    "priority": FormField(
        DEADLINE,
        "Priority",
        "Of the jobs that wait for the cluster, the highest starts first. The deployment limits it "
        "(limits.max_priority, 0 unless set).",
    ),
    "max_error_rate": FormField(
        DEADLINE,
        "Tolerated share of failed rows",
        "0.05 is 5 %. A failed row is delivered as failed with its reason; above this share the job fails.",
    ),
    "idempotency_key": FormField(
        DEADLINE,
        "Idempotency key",
        "Any text. A later run of yours with the same key and the same request gets this job instead of a new one.",
    ),
}
