"""Result rows as the lines of OpenAI's batch output and error files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from llmbatch.core.job_spec import JobSpec
from llmbatch.core.states import ErrorClass, RowState

to_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode

_STATUS: dict[str, int] = {
    ErrorClass.INVALID: 400,
    ErrorClass.TOO_LONG: 400,
    ErrorClass.SCHEMA: 422,
    ErrorClass.ENGINE: 500,
    ErrorClass.POISON: 500,
}
"""The status that OpenAI's API would answer with; a row that was not answered in time has no answer."""

_UNANSWERED = {
    RowState.EXPIRED: ("batch_expired", "This request could not be executed before the completion window expired."),
    RowState.CANCELLED: ("batch_cancelled", "This request was not executed because the batch was cancelled."),
}
"""Code and message of OpenAI's API for rows that did not run."""


class OpenaiLines:
    """Makes the lines of one job as JSON text. Ids are derived from job and row, so they are unique and stay the same.

    The body of an answer is its committed text, not made again from its values: nothing of what vLLM wrote can be lost,
    and no number changes its form.

    A row that was refused or failed has both a ``response`` with OpenAI's error body and an ``error``: OpenAI fills the
    first, many readers require the second. That holds for an invalid row too, although it never reached an engine:
    OpenAI checks the form of a line before a batch runs, and the body of its request as the endpoint does, which
    answers 400. A row without an HTTP answer (expired, cancelled, not answered in time) has no ``response``.
    """

    def __init__(self, spec: JobSpec) -> None:
        self._job_id = spec.job_id

    def output(self, row: Mapping[str, Any]) -> str:
        """Return the line of a row that succeeded."""
        return self._line(row, self._response(row, 200, _json_text(row["response"])), None)

    def error(self, row: Mapping[str, Any]) -> str:
        """Return the line of a row that did not succeed."""
        code, message = row["error_class"] or ErrorClass.ENGINE.value, row["error"] or "the row failed"
        unanswered = _UNANSWERED.get(RowState(row["state"]))
        if code == ErrorClass.TIMEOUT.value and unanswered is None:
            unanswered = ("request_timeout", message)
        if unanswered is not None:
            return self._line(row, "null", {"code": unanswered[0], "message": unanswered[1]})
        status = _STATUS.get(code, 500)
        kind = "invalid_request_error" if status < 500 else "server_error"
        body = {"error": {"message": message, "type": kind, "param": None, "code": code}}
        return self._line(row, self._response(row, status, to_json(body)), {"code": code, "message": message})

    def _line(self, row: Mapping[str, Any], response: str, error: dict[str, str] | None) -> str:
        name = row["custom_id"] if row["custom_id"] is not None else row["row_id"]
        head = f'{{"id":"batch_req_{self._hex(row, "line")}","custom_id":{to_json(name)}'
        return f'{head},"response":{response},"error":{to_json(error)}}}'

    def _response(self, row: Mapping[str, Any], status: int, body: str) -> str:
        return f'{{"status_code":{status},"request_id":"{self._hex(row, "request")}","body":{body}}}'

    def _hex(self, row: Mapping[str, Any], use: str) -> str:
        return hashlib.sha256(f"{self._job_id}\n{row['row_id']}\n{use}".encode()).hexdigest()[:32]


def _json_text(response: str | None) -> str:
    """Return a committed body as a JSON object on one line; other text, a fault of its writer, as its key ``text``."""
    text = response or ""
    try:
        is_object = isinstance(_decode(text), dict)
    except (ValueError, RecursionError):
        is_object = False
    if not is_object:
        return to_json({"text": response})
    return text.replace("\r", " ").replace("\n", " ")  # they are between values: in texts, JSON escapes them


def _no_number(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


_decode = json.JSONDecoder(parse_constant=_no_number).decode
