"""What the real engine answers: the right thing, within a schema, and nothing of it in a log."""

import json

import pytest

from llmbatch_stack.job_run import DAG_ID
from llmbatch_stack.settings import BUCKET

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]

INPUT = f"s3://{BUCKET}/inputs/e2e/answers.jsonl"
QUESTION = "What is the capital of France? Answer in English with one sentence."
"""Asked more shortly, the first word of the small model's answer hangs on how a processor rounds."""

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 12}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
FORM = {"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON}}


def chat(name: str, text: str, **body: object) -> dict[str, object]:
    messages = [{"role": "user", "content": text}]
    url = "/v1/chat/completions"
    return {"custom_id": name, "method": "POST", "url": url, "body": {"messages": messages, **body}}


ROWS = [
    chat("chat", QUESTION, max_tokens=12),
    {"custom_id": "completion", "method": "POST", "url": "/v1/completions",
     "body": {"prompt": "The sea is", "max_tokens": 8, "temperature": 0, "seed": 7}},
    chat("person", "Describe a person as JSON.", max_tokens=80, response_format=FORM),
    chat("bad-sampling", "Hello", temperature=-1),
    chat("too-long", "word " * 4000),
]  # fmt: skip
CONF = {"input_uri": INPUT, "max_error_rate": 0.7, "sampling": {"max_tokens": 16, "temperature": 0}}


def test_answers_are_right_and_stay_out_of_the_log(running):
    running.store.put(INPUT, "\n".join([*map(json.dumps, ROWS), "{broken"]).encode())
    run_id = running.api.trigger(DAG_ID, CONF).run_id
    manifest = running.finish(run_id)
    assert (manifest.rows.input, manifest.rows.succeeded, manifest.rows.failed) == (6, 3, 3)
    assert (manifest.missing, manifest.duplicates) == (0, 0)
    files = running.files(manifest)
    errors = [json.loads(line) for line in files["errors.jsonl"].splitlines()]
    assert {error["custom_id"] for error in errors} == {"00000-000000006", "bad-sampling", "too-long"}
    lines = map(json.loads, files["output.jsonl"].splitlines())
    answers = {line["custom_id"]: line["response"]["body"] for line in lines}
    assert "Paris" in answers["chat"]["choices"][0]["message"]["content"]
    assert answers["completion"]["usage"]["completion_tokens"] == 8
    assert set(json.loads(answers["person"]["choices"][0]["message"]["content"])) == {"name", "age"}
    log = running.log_of_run(run_id)
    assert f"job={manifest.job_id}" in log
    assert "capital of France" not in log
    assert running.credentials.ray_token not in log
