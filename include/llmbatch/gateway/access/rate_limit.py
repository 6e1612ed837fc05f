"""How often a key may be used."""

from __future__ import annotations

import logging
import math
import time

from limits import RateLimitItemPerMinute
from limits.errors import StorageError
from limits.storage import storage_from_string
from limits.strategies import SlidingWindowCounterRateLimiter

from llmbatch.gateway.wire.failures import Failure

_log = logging.getLogger(__name__)


class RateLimit:
    """Counts requests in a sliding minute. Blocks if the storage is a server.

    Args:
        storage: address as ``limits`` reads it: ``memory://`` counts in this process.
    """

    def __init__(self, storage: str) -> None:
        self._limiter = SlidingWindowCounterRateLimiter(storage_from_string(storage, wrap_exceptions=True))

    def count(self, key_id: str, per_minute: int) -> None:
        """Count one request of a key. If the storage fails, the request passes: rights do not depend on it.

        Raises:
            Failure: 429, with the seconds after which the next request passes.
        """
        item = RateLimitItemPerMinute(per_minute)
        try:
            if self._limiter.hit(item, "key", key_id):
                return
            reset = self._limiter.get_window_stats(item, "key", key_id).reset_time
        except StorageError as error:
            _log.warning("event=rate_storage_failed error=%s", type(error.storage_error).__name__)
            return
        seconds = min(max(math.ceil(reset - time.time()), 1), 60)
        raise Failure(
            429,
            f"This API key may send {per_minute} requests a minute. Repeat the request after {seconds} s.",
            type="rate_limit_error",
            code="rate_limit_exceeded",
            headers={"Retry-After": str(seconds)},
        )
