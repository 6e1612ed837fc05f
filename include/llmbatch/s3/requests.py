"""The requests of an S3 client, reported one by one to a function: operation, result and time."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

RequestNote = Callable[[str, str, float], None]
"""Takes operation (``GetObject``), result (``ok``, ``conflict`` or ``error``) and seconds; must not raise."""

_BEGUN = "llmbatch_begun"
_CONFLICTS = {409, 412}
_ANSWERS = {304, 404}


def report_requests(client: S3Client, note: RequestNote) -> None:
    """Call ``note`` after every request of a client.

    One request includes the client's own retries, and ends with the head of the answer: how long its body is read
    depends on the reader. 304 and 404 are ``ok``, and 409 and 412 are ``conflict``: that is how writers exclude each
    other.
    """

    def begin(context: dict[str, Any], **_: object) -> None:
        context[_BEGUN] = monotonic()

    def end(context: dict[str, Any], model: Any, http_response: Any, **_: object) -> None:
        note(model.name, _result(http_response.status_code), monotonic() - context[_BEGUN])

    def fail(context: dict[str, Any], event_name: str, **_: object) -> None:
        note(event_name.rpartition(".")[2], "error", monotonic() - context[_BEGUN])

    client.meta.events.register("before-call.s3", begin)
    client.meta.events.register("after-call.s3", end)
    client.meta.events.register("after-call-error.s3", fail)


def _result(status: int) -> str:
    if status in _CONFLICTS:
        return "conflict"
    return "ok" if status < 300 or status in _ANSWERS else "error"
