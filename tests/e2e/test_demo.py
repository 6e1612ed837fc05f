"""What a stranger sees of ``make demo``, and what is left of it."""

import json
import subprocess
import time
from dataclasses import asdict

import pytest

from llmbatch.core.layout import JobLayout
from llmbatch_stack.demo.job_run import BASE_URI

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]


def test_result_line_holds_what_the_contract_promises(demo):
    found = demo.result
    assert found["rows_input"] == demo.rows
    assert found["rows_succeeded"] + found["rows_failed"] == demo.rows
    assert found["rows_failed"] == 0
    assert (found["missing"], found["duplicates"]) == (0, 0)
    assert found["output_tokens"] > demo.rows
    assert found["tokens_per_second"] > 0
    assert found["seconds_total"] > 0
    assert {"stage", "model_load", "work", "publish"} <= set(found["seconds_phase"])


def test_person_sees_answers_and_where_to_look(demo):
    assert demo.text.count("  A: ") == 3
    assert "Where to look" in demo.text
    assert "login admin, password: airflow_password in " in demo.text


def test_person_sees_no_secret_and_no_control_character(demo, running):
    secrets = asdict(running.credentials)
    assert not [name for name, value in secrets.items() if name != "airflow_user" and value in demo.text]
    assert all(line.isprintable() for line in demo.text.splitlines())


def test_every_input_row_is_in_the_output_once(demo, running):
    layout = JobLayout.of(BASE_URI, demo.result["job_id"])
    manifest = json.loads(running.store.get(layout.manifest))
    answers = [json.loads(line) for o in manifest["outputs"] for line in running.store.get(o["uri"]).splitlines()]
    prompts = (running.settings.repo / "examples/prompts/python_docs.jsonl").read_text().splitlines()[: demo.rows]
    assert sorted(a["custom_id"] for a in answers) == sorted(json.loads(p)["custom_id"] for p in prompts)
    assert all(a["response"]["body"]["choices"][0]["message"]["content"].strip() for a in answers)


def test_no_engine_process_is_left(demo, running):
    """vLLM names its processes; none may outlive the job's actor."""
    deadline = time.monotonic() + 120
    while True:
        listing = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
        left = [line for line in listing.splitlines() if "VLLM::" in line]
        if not left or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    assert not left


def test_the_command_finds_the_stack_and_fetches_the_answers(demo, running, tmp_path):
    def llmbatch(*words: str) -> str:
        command = [str(running.settings.repo / "bin" / "llmbatch"), *words]
        env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LLMBATCH_STATE": str(running.settings.state)}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (words, done.stdout[-2000:], done.stderr[-2000:])
        return done.stdout

    job_id = str(demo.result["job_id"])
    assert f"bin/llmbatch watch {job_id}" in demo.text
    shown = json.loads(llmbatch("show", job_id, "--json"))
    assert (shown["job_id"], shown["state"], shown["rows"]["succeeded"]) == (job_id, "succeeded", demo.rows)
    assert job_id in llmbatch("jobs")
    llmbatch("results", job_id, "-o", str(tmp_path / "answers"))
    assert (tmp_path / "answers" / "output.jsonl").read_text().count("\n") == demo.rows
    llmbatch("doctor")
