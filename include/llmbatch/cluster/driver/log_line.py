"""The form of the driver's log: one line for each message of every library."""

from __future__ import annotations

import logging
import sys

from llmbatch.core.shown import shown

_FORMAT = "%(asctime)s level=%(levelname)s logger=%(name)s %(message)s"


class LogLine(logging.Formatter):
    """Escapes what is not printable in a message, so that no outside text can begin a line of its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the line without a traceback."""
        record.message = shown(record.message)
        return super().formatMessage(record)


def log_to_stderr() -> None:
    """Send the log of this process, from level INFO on, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LogLine(_FORMAT))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
