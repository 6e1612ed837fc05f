"""Rows enter an engine shard by shard, at most so many at a time."""

from __future__ import annotations

import asyncio

import pytest

from llmbatch.cluster.replica.window import RowWindow

STEPS = 20
"""Turns of the event loop in which everything that can happen has happened."""


async def settle() -> None:
    for _ in range(STEPS):
        await asyncio.sleep(0)


def test_shards_fill_in_order_and_the_next_begins_before_the_first_has_ended() -> None:
    entered: list[str] = []

    async def shard(window: RowWindow, name: str) -> None:
        async with window.turn():
            for number in range(4):
                await window.admit()
                entered.append(f"{name}{number}")

    async def run() -> None:
        window = RowWindow(2)
        tasks = [asyncio.create_task(shard(window, name)) for name in "ab"]
        await settle()
        assert entered == ["a0", "a1"]
        for count in range(3, 9):
            window.leave()
            await settle()
            assert entered == ["a0", "a1", "a2", "a3", "b0", "b1", "b2", "b3"][:count]
        await asyncio.gather(*tasks)

    asyncio.run(run())


def test_alone_waits_for_an_empty_engine_and_keeps_it_empty() -> None:
    async def run() -> None:
        window, inside = RowWindow(2), asyncio.Event()
        finish = asyncio.Event()

        async def suspect() -> None:
            async with window.alone():
                inside.set()
                await finish.wait()

        await window.admit()
        task = asyncio.create_task(suspect())
        await settle()
        assert not inside.is_set()
        window.leave()
        await settle()
        assert inside.is_set()
        row = asyncio.create_task(window.admit())
        await settle()
        assert not row.done()
        finish.set()
        await settle()
        assert task.done()
        assert row.done()

    asyncio.run(run())


def test_a_cancelled_wait_gives_its_places_back() -> None:
    async def run() -> None:
        window = RowWindow(2)
        await window.admit()
        task = asyncio.create_task(window.alone().__aenter__())
        await settle()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        row = asyncio.create_task(window.admit())
        await settle()
        assert row.done()

    asyncio.run(run())
