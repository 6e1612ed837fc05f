from __future__ import annotations

import asyncio

import pytest

from llmbatch.core.clock import ManualClock
from llmbatch.gateway.wire.failures import Failure
from llmbatch.gateway.wire.shared import Shared


class Source:
    """Counts its readings; each lasts until ``gate`` is set."""

    def __init__(self, *errors: Exception) -> None:
        self.reads, self.errors, self.gate = 0, list(errors), asyncio.Event()

    async def read(self) -> int:
        self.reads += 1
        mine = self.reads
        await self.gate.wait()
        if self.errors:
            raise self.errors.pop(0)
        return mine


def test_concurrent_requests_share_one_reading_for_a_while() -> None:
    async def main() -> None:
        clock, source = ManualClock(), Source()
        shared: Shared[int] = Shared(2.0, 8, clock)
        source.gate.set()
        assert await asyncio.gather(*(shared.get("a", source.read) for _ in range(20))) == [1] * 20
        clock.advance(1.9)
        assert await shared.get("a", source.read) == 1
        assert await shared.get("b", source.read) == 2
        clock.advance(0.2)
        assert await shared.get("a", source.read) == 3

    asyncio.run(main())


def test_a_request_that_is_cancelled_leaves_its_reading_to_the_others() -> None:
    async def main() -> None:
        source = Source()
        shared: Shared[int] = Shared(2.0, 8, ManualClock())
        first, second = (asyncio.create_task(shared.get("a", source.read)) for _ in range(2))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        source.gate.set()
        assert (await second, source.reads) == (1, 1)

    asyncio.run(main())


def test_an_old_reading_is_used_while_the_new_one_is_made() -> None:
    async def main() -> None:
        clock, source = ManualClock(), Source()
        shared: Shared[int] = Shared(2.0, 8, clock, usable=5.0)
        source.gate.set()
        assert await shared.get("a", source.read) == 1
        source.gate.clear()
        clock.advance(2)
        assert [await shared.get("a", source.read) for _ in range(3)] == [1, 1, 1]
        await asyncio.sleep(0)
        assert source.reads == 2
        clock.advance(3)
        waits = asyncio.create_task(shared.get("a", source.read))
        await asyncio.sleep(0)
        assert not waits.done()
        source.gate.set()
        assert (await waits, source.reads) == (2, 2)

    asyncio.run(main())


def test_a_new_reading_that_fails_leaves_the_old_one_until_it_is_too_old() -> None:
    async def main() -> None:
        clock, source = ManualClock(), Source()
        shared: Shared[int] = Shared(2.0, 8, clock, usable=5.0)
        source.gate.set()
        await shared.get("a", source.read)
        source.errors = [OSError("down"), OSError("down")]
        clock.advance(2)
        await shared.get("a", source.read)
        await asyncio.sleep(0.01)
        clock.advance(3)
        with pytest.raises(OSError, match="down"):
            await shared.get("a", source.read)
        assert await shared.get("a", source.read) == 4

    asyncio.run(main())


@pytest.mark.parametrize(("error", "is_per_caller", "kept"), [
    (Failure(401, "expired"), True, False), (Failure(401, "expired"), False, True), (Failure(503, "busy"), True, True),
])  # fmt: skip
def test_a_refusal_ends_the_use_of_the_caller_s_old_reading(error: Failure, is_per_caller: bool, kept: bool) -> None:
    async def main() -> None:
        clock, source = ManualClock(), Source()
        shared: Shared[int] = Shared(2.0, 8, clock, usable=5.0, is_per_caller=is_per_caller)
        source.gate.set()
        await shared.get("a", source.read)
        source.errors = [error]
        clock.advance(2)
        assert await shared.get("a", source.read) == 1
        await asyncio.sleep(0.01)
        assert await shared.get("a", source.read) == (1 if kept else 3)

    asyncio.run(main())


def test_a_failure_of_the_source_is_shared_but_not_kept() -> None:
    async def main() -> None:
        source = Source(OSError("down"))
        shared: Shared[int] = Shared(2.0, 8, ManualClock())
        source.gate.set()
        found = await asyncio.gather(*(shared.get("a", source.read) for _ in range(5)), return_exceptions=True)
        assert [type(each) for each in found] == [OSError] * 5
        assert (source.reads, await shared.get("a", source.read)) == (1, 2)

    asyncio.run(main())


def test_a_refusal_of_one_caller_is_not_that_of_another() -> None:
    async def main() -> None:
        source = Source(Failure(401, "expired"))
        shared: Shared[int] = Shared(2.0, 8, ManualClock())
        source.gate.set()
        found = await asyncio.gather(*(shared.get("a", source.read) for _ in range(3)), return_exceptions=True)
        assert isinstance(found[0], Failure)
        assert found[1:] == [2, 2]

    asyncio.run(main())


@pytest.mark.parametrize("keys", [100])
def test_the_number_of_kept_readings_is_bounded(keys: int) -> None:
    async def main() -> None:
        source = Source()
        source.gate.set()
        shared: Shared[int] = Shared(2.0, 4, ManualClock())
        for key in range(keys):
            await shared.get(key, source.read)
        assert await shared.get(keys - 1, source.read) == keys
        assert await shared.get(0, source.read) == keys + 1

    asyncio.run(main())


def test_a_refusal_is_that_of_all_who_wait_where_the_key_names_the_caller() -> None:
    async def main() -> None:
        source = Source(Failure(404, "gone"))
        shared: Shared[int] = Shared(2.0, 8, ManualClock(), is_per_caller=True)
        source.gate.set()
        found = await asyncio.gather(*(shared.get("a", source.read) for _ in range(3)), return_exceptions=True)
        assert [type(each) for each in found] == [Failure] * 3
        assert (source.reads, await shared.get("a", source.read)) == (1, 2)

    asyncio.run(main())


def test_what_is_read_while_all_is_forgotten_is_not_kept() -> None:
    async def main() -> None:
        source = Source()
        shared: Shared[int] = Shared(2.0, 8, ManualClock())
        before = asyncio.create_task(shared.get("a", source.read))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        shared.clear()
        after = asyncio.create_task(shared.get("a", source.read))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        source.gate.set()
        assert (await before, await after, await shared.get("a", source.read)) == (1, 2, 2)

    asyncio.run(main())


def test_the_sum_of_sizes_is_bounded() -> None:
    async def main() -> None:
        source = Source()
        source.gate.set()
        shared: Shared[int] = Shared(2.0, 32, ManualClock(), size=lambda reading: reading)
        assert [await shared.get(key, source.read) for key in ("a", "b", "c")] == [1, 2, 3]
        assert [await shared.get(key, source.read) for key in ("a", "b", "c")] == [1, 2, 4]  # more than a sixteenth

    asyncio.run(main())
