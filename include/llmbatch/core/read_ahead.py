"""One function over many items, several calls at a time, answers in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")

_THREADS = 8


def in_order(
    function: Callable[[Item], Answer], items: Iterable[Item], *, in_flight: int, name: str
) -> Iterator[Answer]:
    """Yield ``function(item)`` for every item, in the items' order.

    At most ``in_flight`` calls run, wait, or have an answer that was not taken yet: what bounds memory. The first error
    ends it; calls that have not begun are dropped.
    """
    waiting: deque[Future[Answer]] = deque()
    with ThreadPoolExecutor(_THREADS, thread_name_prefix=name) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) >= in_flight:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
