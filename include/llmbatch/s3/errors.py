"""From the errors of boto3 and of what it is built on to those of the object store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from llmbatch.core.errors import ObjectMissing, StoreDenied, StoreError

_MISSING = {"404", "NoSuchKey", "NoSuchBucket", "NotFound"}
_DENIED = {"403", "AccessDenied"}
_CONDITION = {"412", "PreconditionFailed", "ConditionalRequestConflict", "409"}


@contextmanager
def translated(uri: str, on_condition: Exception | None = None) -> Iterator[None]:
    """Raise the store's own errors in place of the client's; every other error passes.

    Args:
        uri: the object that the request is about.
        on_condition: raised when the store refuses a conditional request (409, 412).
    """
    # here, because DAG files import this module when they are parsed
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError
    from s3transfer.exceptions import RetriesExceededError
    from urllib3.exceptions import HTTPError

    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in _MISSING:
            raise ObjectMissing(uri) from error
        if code in _DENIED:
            raise StoreDenied(f"{uri}: {error}") from error
        if code in _CONDITION and on_condition is not None:
            raise on_condition from error
        raise StoreError(f"{uri}: {error}") from error
    except (BotoCoreError, Boto3Error, RetriesExceededError, HTTPError) as error:
        raise StoreError(f"{uri}: {error}") from error
