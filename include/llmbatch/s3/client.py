"""The S3 client of the usual ``AWS_*`` environment: of a Ray job, and of a command that a person types."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from llmbatch.s3.store import S3Store

if TYPE_CHECKING:
    from botocore.session import Session

ATTEMPTS = 5
SILENT_SECONDS = 20
"""Time without a byte after which an attempt fails."""


def open_environment_store(*, max_connections: int = 32) -> S3Store:
    """Return a store whose client retries with exponential back-off and never hangs.

    A store that accepts requests and does not answer fails a call after less than two minutes, so that the three calls
    of one heartbeat end within about the five minutes after which the driver gives the store up.

    Args:
        max_connections: HTTP connections kept; at least as many as threads will use.
    """
    import boto3
    import botocore.session
    from botocore.config import Config

    config = Config(
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        connect_timeout=5,
        read_timeout=SILENT_SECONDS,
        max_pool_connections=max_connections,
    )
    session = botocore.session.get_session()
    read_stamps(session)
    return S3Store(boto3.Session(botocore_session=session).client("s3", config=config))


def read_stamps(session: Session) -> None:
    """Let the clients that this session makes from now on read times with ``parse_stamp``."""
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=parse_stamp)


def parse_stamp(value: str) -> datetime:
    """Return the time that S3 wrote. A listing has one for each object, and botocore is slow to read it.

    ``2030-01-02T03:04:05Z`` is read here, every other form (those of headers) by botocore.
    """
    if value[:2] == "20" and value.endswith("Z"):
        return datetime.fromisoformat(value)
    from botocore.utils import parse_timestamp

    return parse_timestamp(value)
