"""Connections to the gateway alone: none of them may wait for ever."""

from __future__ import annotations

import asyncio
import resource

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 20.0
"""Longest time from a connection, or the first byte of a request, to the end of the request's headers."""

REST_SECONDS = 120.0
"""Longest time for which a client may go on to send a body that is answered already, such as one that is too large.

Most clients read the answer after that only, so the connection is not closed at once.
"""

TAKE_SECONDS = 60.0
"""Longest time in which a client takes none of an answer, or less than the piece of it that is being sent."""

OTHER_FILES = 256
"""Open files of a worker beside the connections of its clients."""


class PatientProtocol(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it, which ends connections of clients that are too slow.

    uvicorn itself limits only the time between two requests. The time of a body is limited while a route reads it.
    """

    head_seconds, rest_seconds, take_seconds = HEAD_SECONDS, REST_SECONDS, TAKE_SECONDS
    _sending: asyncio.TimerHandle | None = None
    _taking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self._wait_for_client(self.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop to wait."""
        self._stop_waiting()
        self._stop_taking()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read; what begins no request, such as an empty line, ends uvicorn's wait for the next one, but not this."""
        super().data_received(data)
        is_idle = self.cycle is None or self.cycle.response_complete
        if is_idle and self._sending is None and self.timeout_keep_alive_task is None:
            self._wait_for_client(self.head_seconds)

    def on_message_begin(self) -> None:
        """Wait for the headers of the request that begins."""
        self._wait_for_client(self.head_seconds)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Serve the request."""
        self._stop_waiting()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Wait for what is left of the body, if the answer came before its end."""
        super().on_response_complete()
        if self.cycle.response_complete and self.cycle.more_body and not self.transport.is_closing():
            self._wait_for_client(self.rest_seconds)

    def pause_writing(self) -> None:
        """Wait until the client has taken what was sent."""
        super().pause_writing()
        self._stop_taking()
        self._taking = self.loop.call_later(self.take_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Send on."""
        self._stop_taking()
        super().resume_writing()

    def _wait_for_client(self, seconds: float) -> None:
        self._stop_waiting()
        self._sending = self.loop.call_later(seconds, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None

    def _stop_taking(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None


def raise_file_limit(connections: int) -> None:
    """Let this process and its workers have so many connections at a time, as far as the system allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + OTHER_FILES
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
