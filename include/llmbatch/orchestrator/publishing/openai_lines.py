"""Result rows as the lines of OpenAI's batch output and error files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from llmbatch.core.job_spec import JobSpec
from llmbatch.core.states import ErrorClass, RowState

_STATUS: dict[str, int] = {
    ErrorClass.INVALID: 400,
    ErrorClass.TOO_LONG: 400,
    ErrorClass.SCHEMA: 422,
    ErrorClass.ENGINE: 500,
    ErrorClass.TIMEOUT: 504,
    ErrorClass.POISON: 500,
}


class OpenaiLines:
    """Makes the lines of one job. Ids are derived from job and row; ``created`` is when the job was accepted.

    The column ``model`` of a row names the model that answered it.
    """

    def __init__(self, spec: JobSpec) -> None:
        self._job_id = spec.job_id
        self._created = int(spec.created_at.timestamp())

    def output(self, row: Mapping[str, Any]) -> dict[str, object]:
        """Return the line of a row that succeeded."""
        return self._line(row, self._response(row, 200, self._completion(row)), None)

    def error(self, row: Mapping[str, Any]) -> dict[str, object]:
        """Return the line of a row that did not succeed. A row that never ran has no response, as in OpenAI's API."""
        state = RowState(row["state"])
        if state is not RowState.FAILED:
            message = row["error"] or f"the row was {state.value} before it was answered"
            return self._line(row, None, {"code": f"batch_{state.value}", "message": message})
        code, message = row["error_class"] or ErrorClass.ENGINE.value, row["error"] or "the row failed"
        status = _STATUS.get(code, 500)
        kind = "invalid_request_error" if status < 500 else "server_error"
        body = {"error": {"message": message, "type": kind, "param": None, "code": code}}
        return self._line(row, self._response(row, status, body), {"code": code, "message": message})

    def _line(
        self, row: Mapping[str, Any], response: dict[str, object] | None, error: dict[str, str] | None
    ) -> dict[str, object]:
        name = row["custom_id"] if row["custom_id"] is not None else row["row_id"]
        return {"id": f"batch_req_{self._hex(row, 'line')}", "custom_id": name, "response": response, "error": error}

    def _response(self, row: Mapping[str, Any], status: int, body: dict[str, Any]) -> dict[str, object]:
        return {"status_code": status, "request_id": self._hex(row, "request"), "body": body}

    def _completion(self, row: Mapping[str, Any]) -> dict[str, object]:
        chat = row["kind"] == "chat"
        choice: dict[str, object] = {"index": 0}
        if chat:
            choice["message"] = {"role": "assistant", "content": row["text"], "refusal": None}
        else:
            choice["text"] = row["text"]
        choice |= {"logprobs": None, "finish_reason": row["finish_reason"]}
        return {
            "id": f"{'chatcmpl' if chat else 'cmpl'}-{self._hex(row, 'completion')}",
            "object": "chat.completion" if chat else "text_completion",
            "created": self._created,
            "model": row["model"],
            "choices": [choice],
            "usage": {
                "prompt_tokens": row["prompt_tokens"],
                "completion_tokens": row["completion_tokens"],
                "total_tokens": row["prompt_tokens"] + row["completion_tokens"],
                "prompt_tokens_details": {"cached_tokens": row["cached_tokens"]},
            },
        }

    def _hex(self, row: Mapping[str, Any], use: str) -> str:
        return hashlib.sha256(f"{self._job_id}\n{row['row_id']}\n{use}".encode()).hexdigest()[:32]
