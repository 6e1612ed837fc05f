"""What the real engine answers: the right thing, within a schema, and nothing of it in a log."""

import json

import pytest

from e2e.mixed import SHORT_ROWS, Mixed
from e2e.running import Running

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]


def test_answers_are_right_and_stay_out_of_the_log(running: Running, mixed: Mixed):
    manifest = mixed.manifest
    good = SHORT_ROWS + 3
    assert (manifest.rows.input, manifest.rows.succeeded, manifest.rows.failed) == (good + 4, good, 4)
    assert (manifest.missing, manifest.duplicates) == (0, 0)
    files = running.files(manifest)
    errors = [json.loads(line) for line in files["errors.jsonl"].splitlines()]
    broken = f"00000-{good + 4:09d}"
    assert {error["custom_id"] for error in errors} == {broken, "bad-sampling", "too-long", "cut-off"}
    lines = map(json.loads, files["output.jsonl"].splitlines())
    answers = {line["custom_id"]: line["response"]["body"] for line in lines}
    assert "Paris" in answers["chat"]["choices"][0]["message"]["content"]
    assert answers["completion"]["usage"]["completion_tokens"] == 8
    assert set(json.loads(answers["person"]["choices"][0]["message"]["content"])) == {"name", "age"}
    log = running.log_of_run(mixed.run_id)
    assert f"job={manifest.job_id}" in log
    assert "capital of France" not in log
    assert running.credentials.ray_token not in log
