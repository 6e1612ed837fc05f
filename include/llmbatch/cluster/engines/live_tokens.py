"""How many tokens vLLM's open requests have read and written, from the table that vLLM keeps of them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from llmbatch.cluster.engines.base import InFlight

_log = logging.getLogger(__name__)


class _Detokenizer(Protocol):
    def num_output_tokens(self) -> int:
        """Tokens written so far."""


class OpenRequest(Protocol):
    """What is read of an open request of vLLM."""

    @property
    def prompt_len(self) -> int:
        """Tokens of its prompt."""

    @property
    def is_prefilling(self) -> bool:
        """Whether its prompt is still read."""

    @property
    def detokenizer(self) -> _Detokenizer | None:
        """The writer of its answer, if it has one."""


@dataclass
class LiveTokens:
    """A reader of that table; ``ended`` is the sum of the answers that have left it.

    The table is not vLLM's public interface. A version that names its parts otherwise costs the counts, not a row.
    """

    ended: int = 0
    _readable: bool = True

    def read(self, requests: Mapping[str, OpenRequest]) -> InFlight | None:
        """Sum the counts; None once the table has been found unreadable. Costs nothing at any step of the engine.

        A request leaves the table a moment before its answer is counted as ended, so the sum may fall for that moment.
        """
        if not self._readable:
            return None
        generated = prompt_read = prompt_open = 0
        try:
            for state in requests.values():
                prompt_open += state.prompt_len
                if not state.is_prefilling:
                    prompt_read += state.prompt_len
                if state.detokenizer is not None:
                    generated += state.detokenizer.num_output_tokens()
        except (AttributeError, TypeError) as error:
            self._readable = False
            _log.warning("event=live_tokens_unknown error=%s", f"{type(error).__name__}: {error}")
            return None
        return InFlight(self.ended, generated, prompt_read, prompt_open)
