"""What the real engine answers: the right thing, within a schema, and nothing of it in a log."""

import json

import pytest

from e2e.mixed import SHORT_ROWS, Mixed
from e2e.running import Running

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]


def test_answers_are_right_and_stay_out_of_the_log(running: Running, mixed: Mixed):
    manifest = mixed.manifest
    good, bad = SHORT_ROWS + 5, 6
    assert (manifest.rows.input, manifest.rows.succeeded, manifest.rows.failed) == (good + bad, good, bad)
    assert (manifest.missing, manifest.duplicates) == (0, 0)
    files = running.files(manifest)
    errors = [json.loads(line) for line in files["errors.jsonl"].splitlines()]
    reasons = {error["custom_id"]: error["error"]["message"] for error in errors}
    broken = f"00000-{good + bad:09d}"
    assert reasons.keys() == {broken, "bad-name", "bad-sampling", "too-long", "cut-off", "embedding"}
    assert "does not serve /v1/embeddings; it serves /v1/chat/completions, " in reasons["embedding"]
    assert "max_tokens" in reasons["bad-name"]
    lines = map(json.loads, files["output.jsonl"].splitlines())
    answers = {line["custom_id"]: line["response"]["body"] for line in lines}
    assert "Paris" in answers["chat"]["choices"][0]["message"]["content"]
    assert answers["completion"]["usage"]["completion_tokens"] == 8
    assert set(json.loads(answers["person"]["choices"][0]["message"]["content"])) == {"name", "age"}
    assert [len(choice["logprobs"]["content"]) for choice in answers["two"]["choices"]] == [4, 4]
    assert answers["two"]["usage"]["completion_tokens"] == 8
    assert "Paris" in answers["response"]["output"][0]["content"][0]["text"]
    log = running.log_of_run(mixed.run_id)
    assert f"job={manifest.job_id}" in log
    assert "capital of France" not in log
    assert running.credentials.ray_token not in log
