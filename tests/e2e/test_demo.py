"""``make demo``, as a stranger would type it: real S3, real Airflow, real Ray, real vLLM."""

import json
import subprocess
import time

import pytest

from llmbatch.core.layout import JobLayout
from llmbatch_stack.job_run import BASE_URI

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

ROWS = 48


@pytest.fixture(scope="module")
def result(running):
    command = [running.settings.python("airflow"), "-m", "llmbatch_stack", "demo"]
    env = {
        "PATH": "/usr/bin:/bin", "HOME": str(running.settings.state), "LLMBATCH_DEMO_ROWS": str(ROWS),
        "LLMBATCH_PORT_BASE": str(running.settings.port_base), "LLMBATCH_STATE": str(running.settings.state),
        "PYTHONPATH": f"{running.settings.repo}/deploy/embedded:{running.settings.repo}/include",
    }  # fmt: skip
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=800, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    last = done.stdout.rstrip().splitlines()[-1]
    assert last.startswith("RESULT {"), done.stdout[-1000:]
    return json.loads(last.removeprefix("RESULT ")), done.stdout


def test_result_line_holds_what_the_contract_promises(result):
    found, _ = result
    assert found["rows_input"] == ROWS
    assert found["rows_succeeded"] + found["rows_failed"] == ROWS
    assert found["rows_failed"] == 0
    assert (found["missing"], found["duplicates"]) == (0, 0)
    assert found["output_tokens"] > ROWS
    assert found["tokens_per_second"] > 0
    assert found["seconds_total"] > 0
    assert {"stage", "model_load", "work", "publish"} <= set(found["seconds_phase"])


def test_person_sees_answers_and_where_to_look(result):
    _, text = result
    assert text.count("  A: ") == 3
    assert "Where to look" in text
    assert "login admin / " in text


def test_every_input_row_is_in_the_output_once(result, running):
    found, _ = result
    layout = JobLayout.of(BASE_URI, found["job_id"])
    manifest = json.loads(running.store.get(layout.manifest))
    answers = [json.loads(line) for o in manifest["outputs"] for line in running.store.get(o["uri"]).splitlines()]
    prompts = (running.settings.repo / "examples/prompts/python_docs.jsonl").read_text().splitlines()[:ROWS]
    assert sorted(a["custom_id"] for a in answers) == sorted(json.loads(p)["custom_id"] for p in prompts)
    assert all(a["response"]["body"]["choices"][0]["message"]["content"].strip() for a in answers)


def test_no_engine_process_is_left(result, running):
    """vLLM names its processes; none may outlive the job's actor."""
    deadline = time.monotonic() + 30
    while True:
        listing = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
        left = [line for line in listing.splitlines() if "VLLM::" in line]
        if not left or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    assert not left
