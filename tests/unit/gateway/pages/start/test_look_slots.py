"""First looks: so many at a time, each user with a share."""

from __future__ import annotations

import asyncio
import threading

import pytest

from llmbatch.gateway.pages.start.look_slots import MOST, MOST_EACH, LookSlots
from llmbatch.gateway.wire.failures import Failure


def test_a_look_returns_what_it_found_and_its_error_passes() -> None:
    async def run() -> None:
        slots = LookSlots()
        assert await slots.run("ann", lambda: 7) == 7
        for _ in range(MOST_EACH + 1):  # an error gives its slot back
            with pytest.raises(ZeroDivisionError):
                await slots.run("ann", lambda: 1 // 0)

    asyncio.run(run())


@pytest.mark.parametrize("cancel", [False, True])
def test_a_user_has_a_share_and_all_have_a_limit(cancel: bool) -> None:
    async def run() -> None:
        slots, gate = LookSlots(), threading.Event()
        try:
            running = [asyncio.create_task(slots.run(f"user-{n // MOST_EACH}", gate.wait)) for n in range(MOST)]
            await asyncio.sleep(0)
            if cancel:  # a client that has gone does not free the thread
                for task in running:
                    task.cancel()
                await asyncio.wait(running)
            with pytest.raises(Failure) as failure:
                await asyncio.wait_for(slots.run("user-0", gate.wait), 5)
            assert (failure.value.status, "Retry-After" in failure.value.headers) == (429, True)
            with pytest.raises(Failure) as failure:
                await asyncio.wait_for(slots.run("another", gate.wait), 5)
            assert failure.value.status == 503
        finally:
            gate.set()
        await asyncio.wait(running)
        for _ in range(100):
            if not slots._open:
                break
            await asyncio.sleep(0.01)
        assert await slots.run("another", lambda: 1) == 1

    asyncio.run(run())
