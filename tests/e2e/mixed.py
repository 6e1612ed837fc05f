"""One job with rows of every kind on the real engine. Its start costs most of a minute, so several tests look at it."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass

from e2e.running import Running
from llmbatch.core.identity import job_id_of
from llmbatch.core.layout import JobLayout
from llmbatch.core.manifest import JobManifest
from llmbatch_stack.demo.job_run import BASE_URI, DAG_ID
from llmbatch_stack.settings import BUCKET

INPUT = f"s3://{BUCKET}/inputs/e2e/mixed-real.jsonl"
QUESTION = "What is the capital of France? Answer in English with one sentence."
"""With a shorter prompt, the first word of the small model's answer depends on how a processor rounds."""
MOST_TOKENS, SHORT_ROWS = 16, 39


@dataclass(frozen=True)
class Mixed:
    """The finished job."""

    conf: dict[str, object]
    run_id: str
    manifest: JobManifest

    @property
    def layout(self) -> JobLayout:
        """Addresses of the job."""
        return JobLayout.of(BASE_URI, job_id_of(DAG_ID, self.run_id))


def run_mixed(running: Running) -> Mixed:
    """Run the job: 39 short rows, five with answers to look at, one whose limit cuts its JSON off, five bad ones."""
    running.store.put(INPUT, "\n".join([*map(json.dumps, _rows()), "{broken"]).encode())
    conf: dict[str, object] = {
        "input_uri": INPUT,
        "max_error_rate": 0.7,
        "sampling": {"max_tokens": MOST_TOKENS, "temperature": 0},
        "engine": {"batch_size": 8},
        "idempotency_key": uuid.uuid4().hex,
    }
    run_id = running.api.trigger(DAG_ID, conf).run_id
    return Mixed(conf, run_id, running.finish(run_id))


def _rows() -> list[dict[str, object]]:
    person = _form(name={"type": "string", "maxLength": 12}, age={"type": "integer"})
    completion = {"prompt": "The sea is", "max_tokens": 8, "temperature": 0, "seed": 7}
    return [
        *(_chat(f"short-{number}", f"Count to {number}.") for number in range(SHORT_ROWS)),
        _chat("chat", QUESTION, max_tokens=12),
        {"custom_id": "completion", "method": "POST", "url": "/v1/completions", "body": completion},
        _chat("person", "Describe a person as JSON.", max_tokens=80, response_format=person),
        _chat("two", QUESTION, max_tokens=4, n=2, temperature=1, logprobs=True, top_logprobs=2),
        {"custom_id": "response", "method": "POST", "url": "/v1/responses", "body": {"input": QUESTION}},
        _chat("cut-off", "Is the sea blue?", max_tokens=1, response_format=_form(yes={"type": "boolean"})),
        {"custom_id": "embedding", "method": "POST", "url": "/v1/embeddings", "body": {"input": "Hello"}},
        _chat("bad-name", "Hello", max_token=5),
        _chat("bad-sampling", "Hello", temperature=-1),
        _chat("too-long", "word " * 4000),
    ]


def _chat(name: str, text: str, **body: object) -> dict[str, object]:
    messages = [{"role": "user", "content": text}]
    url = "/v1/chat/completions"
    return {"custom_id": name, "method": "POST", "url": url, "body": {"messages": messages, **body}}


def _form(**properties: object) -> dict[str, object]:
    schema = {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
