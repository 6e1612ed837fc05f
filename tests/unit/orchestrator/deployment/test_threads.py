from __future__ import annotations

import asyncio
import contextvars
import threading

import pytest

from llmbatch.orchestrator.deployment.threads import ALERTS, HEARTBEATS, RUN_STATES, Threads


def test_it_runs_in_the_context_of_the_caller_and_passes_results_and_errors_on() -> None:
    task = contextvars.ContextVar("task", default="none")
    threads = Threads("test", 1)

    async def run() -> tuple[str, str]:
        task.set("mine")
        return await threads.run(task.get), await threads.run("{x}".format, x=3)

    assert asyncio.run(run()) == ("mine", "3")
    with pytest.raises(ZeroDivisionError):
        asyncio.run(threads.run(divmod, 1, 0))


def test_no_more_calls_than_threads_run_at_a_time() -> None:
    threads, lock = Threads("test", 2), threading.Lock()
    inside = most = 0

    def call() -> None:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        threading.Event().wait(0.01)
        with lock:
            inside -= 1

    async def run() -> None:
        await asyncio.gather(*(threads.run(call) for _ in range(10)))

    asyncio.run(run())
    assert most == 2


@pytest.mark.parametrize("full", [ALERTS, HEARTBEATS], ids=["alerts", "heartbeats"])
def test_receivers_and_a_store_that_do_not_answer_delay_no_question_to_airflow(full: Threads) -> None:
    go_on = threading.Event()

    async def run() -> str:
        hung = [asyncio.create_task(full.run(go_on.wait, 60)) for _ in range(100)]
        await asyncio.sleep(0)
        try:
            return await asyncio.wait_for(RUN_STATES.run(str, "deferred"), 30)
        finally:
            go_on.set()
            await asyncio.gather(*hung)

    assert asyncio.run(run()) == "deferred"
