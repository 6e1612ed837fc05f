from __future__ import annotations

import asyncio

import pytest

from llmbatch.core.clock import ManualClock
from llmbatch.core.errors import StoreError
from llmbatch.gateway.wire.failures import Failure, unavailable
from llmbatch.gateway.wire.lasting import Lasting


class Source:
    """Gives the next number, or fails."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.hangs, self.number = False, 0

    async def read(self) -> int:
        if self.hangs:
            await asyncio.sleep(60)
        if self.error is not None:
            raise self.error
        self.number += 1
        return self.number


CLOCK = ManualClock()


def test_each_answer_is_new_while_the_source_works() -> None:
    async def main() -> None:
        source, lasting = Source(), Lasting[int](900, 10, 1, CLOCK)
        assert [await lasting.get("k", source.read) for _ in range(2)] == [1, 2]

    asyncio.run(main())


@pytest.mark.parametrize("error", [StoreError("down"), unavailable("down")])
def test_the_last_answer_stands_in_for_a_while(error: Exception) -> None:
    async def main() -> None:
        clock = ManualClock()
        source, lasting = Source(), Lasting[int](900, 10, 1, clock)
        await lasting.get("k", source.read)
        source.error = error
        clock.advance(899)
        assert await lasting.get("k", source.read) == 1
        with pytest.raises(type(error)):
            await lasting.get("another", source.read)
        clock.advance(1)
        with pytest.raises(type(error)):
            await lasting.get("k", source.read)

    asyncio.run(main())


def test_a_source_that_hangs_is_one_that_fails() -> None:
    async def main() -> None:
        source, lasting = Source(), Lasting[int](900, 10, 0.01, CLOCK)
        await lasting.get("k", source.read)
        source.hangs = True
        assert await lasting.get("k", source.read) == 1
        with pytest.raises(Failure) as failed:
            await lasting.get("another", source.read)
        assert failed.value.status == 503

    asyncio.run(main())


@pytest.mark.parametrize(("status", "is_known_after"), [(401, False), (403, False), (429, True)])
def test_a_refusal_passes_and_ends_what_was_kept(status: int, is_known_after: bool) -> None:
    async def main() -> None:
        source, lasting = Source(), Lasting[int](900, 10, 1, CLOCK)
        await lasting.get("k", source.read)
        source.error = Failure(status, "no")
        with pytest.raises(Failure):
            await lasting.get("k", source.read)
        source.error = StoreError("down")
        if is_known_after:
            assert await lasting.get("k", source.read) == 1
        else:
            with pytest.raises(StoreError):
                await lasting.get("k", source.read)

    asyncio.run(main())
