"""Which rows of an engine are being decoded, and at what pace."""

from __future__ import annotations

from collections import OrderedDict

from llmbatch.cluster.exchange.length_work import Lengths, LengthWork
from llmbatch.core.clock import Clock
from llmbatch.core.length_cells import LengthClass
from llmbatch.core.progress import ReplicaShare


class Slots:
    """Follows the rows in one engine. It decodes the oldest ``size`` of them; the others wait inside, and do not age.

    With two slots and rows a, b, c in the engine, c begins when a or b leaves. Every call costs the same, however many
    rows there are, but for ``add_running``, which looks at each slot.
    """

    def __init__(self, size: int, clock: Clock) -> None:
        self._size, self._clock = size, clock
        self._began: dict[str, tuple[LengthClass, float]] = {}
        self._waiting: OrderedDict[str, LengthClass] = OrderedDict()
        self._prompts: dict[str, int] = {}
        self._prompt_chars = 0
        # A row counts half as much after as many others as there are slots: the pace is that of the last two batches.
        self._keep = 0.5 ** (1 / size)
        self._answered, self._tokens, self._chars, self._seconds = 0, 0.0, 0.0, 0.0

    @property
    def rows(self) -> tuple[str, ...]:
        """Ids of all rows in the engine, decoded or not, sorted."""
        return tuple(sorted([*self._began, *self._waiting]))

    @property
    def prompt_chars(self) -> int:
        """Input characters of all rows in the engine, decoded or not."""
        return self._prompt_chars

    def share(self, left: int) -> ReplicaShare:
        """Return what the replica holds, with the pace of its rows once a batch is answered."""
        if self._answered < self._size or self._seconds <= 0:
            return ReplicaShare(left=left)
        return ReplicaShare(left=left, pace=self._tokens / self._seconds, reading=self._chars / self._seconds)

    def enter(self, row_id: str, kind: LengthClass, chars: int) -> None:
        """Note that a row of this length class, with ``chars`` input characters, is handed to the engine."""
        self._prompts[row_id] = chars
        self._prompt_chars += chars
        if len(self._began) < self._size:
            self._began[row_id] = kind, self._clock.monotonic()
        else:
            self._waiting[row_id] = kind

    def leave(self, row_id: str) -> float:
        """Note that a row is out of the engine, however it ended; return for how many seconds it was decoded."""
        self._prompt_chars -= self._prompts.pop(row_id)
        if self._waiting.pop(row_id, None) is not None:
            return 0.0
        now = self._clock.monotonic()
        _, began = self._began.pop(row_id)
        if self._waiting:
            oldest, kind = self._waiting.popitem(last=False)
            self._began[oldest] = kind, now
        return now - began

    def answered(self, tokens: int, chars: int, seconds: float) -> None:
        """Count an answered row of ``chars`` input characters in the pace."""
        self._answered += 1
        self._tokens = self._keep * self._tokens + tokens
        self._chars = self._keep * self._chars + chars
        self._seconds = self._keep * self._seconds + seconds

    def add_running(self, lengths: Lengths) -> None:
        """Count the rows that are being decoded now."""
        now = self._clock.monotonic()
        for kind, began in self._began.values():
            lengths.setdefault(kind, LengthWork()).run(now - began)
