"""``benchmark`` over the real application."""

from __future__ import annotations

import httpx

from fakes.command_line import answering, command_line
from fakes.gateway import fake_gateway


def test_a_benchmark_is_started_and_shown() -> None:
    gateway = fake_gateway()
    line = command_line(gateway)
    done = line.run("benchmark", "s3://b/in.jsonl", "--batch-size", "64", "--batch-size", "128", "--num-samples", "9")
    assert done.code == 0, done.err
    (run,) = gateway.airflow.dag_runs.values()
    assert run.conf == {"input_uri": "s3://b/in.jsonl", "batch_sizes": [64, 128], "num_samples": 9}
    benchmark_id, state = done.out.splitlines()[0].split()
    assert state == "queued"
    assert line.run("benchmark", benchmark_id).document["benchmark_id"] == benchmark_id


def test_an_unknown_benchmark_is_exit_code_4() -> None:
    assert command_line(fake_gateway()).run("benchmark", "bench-0123456789abcdef").code == 4


def test_it_is_waited_for() -> None:
    states = ["queued", "running", "success"]

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"benchmark_id": "bench-1", "state": states.pop(0), "report": None})

    assert answering(answer).run("benchmark", "s3://b/in", "--wait").document["state"] == "success"


def test_time_that_is_over_and_failure_have_their_codes() -> None:
    def answer(state: str) -> httpx.Response:
        return httpx.Response(200, json={"benchmark_id": "bench-1", "state": state, "report": None})

    assert answering(lambda _: answer("running")).run("benchmark", "bench-1", "--wait", "--timeout", "1m").code == 6
    assert answering(lambda _: answer("failed")).run("benchmark", "bench-1", "--wait").code == 1
