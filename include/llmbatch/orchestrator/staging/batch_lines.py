"""What is wrong with one line of a batch of OpenAI's API, in the words and codes of that API."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from llmbatch.core.batch_errors import BatchError
from llmbatch.core.endpoints import Endpoint
from llmbatch.core.errors import RowError
from llmbatch.core.shown import shown
from llmbatch.orchestrator.inputs.body_keys import CONTENT_KEYS
from llmbatch.orchestrator.inputs.readers.json_object import json_object
from llmbatch.orchestrator.inputs.readers.lines import Line
from llmbatch.orchestrator.inputs.readers.openai_url import endpoint_of
from llmbatch.orchestrator.inputs.readers.source import decoded
from llmbatch.orchestrator.inputs.row_ids import checked_custom_id
from llmbatch.orchestrator.staging.custom_ids import CustomIds

_NAME_CHARS = 100
_MAIN = {
    Endpoint.CHAT: "messages",
    Endpoint.COMPLETIONS: "prompt",
    Endpoint.TRANSCRIPTIONS: "file_url",
    Endpoint.SCORE: "queries",
    Endpoint.RERANK: "query",
}
"""The key that a message names where the content of a body is missing; of the other endpoints ``input``."""


class BatchLines:
    """Checks the lines of one batch, in their order. Holds no line.

    Attributes:
        inputs: prompts of all rows so far; an embedding row may have many.
    """

    def __init__(self, endpoint: Endpoint, known_models: Collection[str], ids: CustomIds) -> None:
        self._endpoint, self._known, self._ids = endpoint, known_models, ids
        self._model: str | None = None
        self.inputs = 0

    def problem(self, line: Line) -> BatchError | None:
        """Return the first problem of a line that is not blank; None if it is a request of this batch."""
        try:
            record = json_object(decoded(line))
        except RowError as error:
            reason = shown(error.message, 300)
            return BatchError(
                code="invalid_json_line",
                message=f"This line is not parseable as valid JSON: {reason}.",
                line=line.number,
            )
        found = next(self._problems(record, line.number), None)
        return None if found is None else found.model_copy(update={"line": line.number})

    def _problems(self, record: Mapping[str, object], number: int) -> Iterator[BatchError]:
        for key in ("custom_id", "method", "url", "body"):
            if record.get(key) in (None, ""):
                yield _error("missing_required_parameter", f"Missing required parameter: '{key}'.", key)
        yield from self._id_problems(record.get("custom_id"), number)
        if record.get("method") != "POST":
            yield _error("invalid_method", "The method of a request must be 'POST'.", "method")
        url = record.get("url")
        if not isinstance(url, str) or endpoint_of(url) is not self._endpoint:
            yield _error("invalid_url", "The URL provided for this request does not match the batch endpoint.", "url")
        body = record.get("body")
        if not isinstance(body, dict):
            yield _error("invalid_request", "The body of a request must be an object.", "body")
        else:
            yield from self._body_problems(body)

    def _id_problems(self, custom_id: object, number: int) -> Iterator[BatchError]:
        if not isinstance(custom_id, str):
            yield _error("invalid_request", "The custom_id of a request must be a string.", "custom_id")
            return
        try:
            first = self._ids.first_use(checked_custom_id(custom_id), str(number))
        except RowError as error:
            yield _error("invalid_request", f"{error.message}.", "custom_id")
            return
        if first is not None:
            yield _error(
                "duplicate_custom_id",
                f"The custom_id '{_name(custom_id)}' for this request is a duplicate of another request, in line "
                f"{first}. The custom_id parameter must be unique for each request in a batch.",
                "custom_id",
            )

    def _body_problems(self, body: Mapping[str, object]) -> Iterator[BatchError]:
        if body.get("stream") not in (None, False):
            yield _error("streaming_unsupported", "Streaming is not supported in the Batch API.", "body.stream")
        yield from self._model_problems(body.get("model"))
        if all(body.get(key) in (None, "", []) for key in CONTENT_KEYS[self._endpoint]):
            key = _MAIN.get(self._endpoint, "input")
            yield _error("invalid_request", f"Missing required parameter: '{key}'.", f"body.{key}")
        self.inputs += _inputs(body.get("input"))

    def _model_problems(self, model: object) -> Iterator[BatchError]:
        if not isinstance(model, str) or not model:
            yield _error("invalid_request", "Missing required parameter: 'model'.", "body.model")
            return
        if self._model is None:
            self._model = model
        if model not in self._known:
            yield _error(
                "model_not_found",
                f"The provided model '{_name(model)}' is not supported by the Batch API.",
                "body.model",
            )
        if model != self._model:
            yield _error(
                "mismatched_model",
                f"The provided model '{_name(model)}' does not match the rest of the batch, '{_name(self._model)}'. "
                "Each batch must contain requests for a single model.",
                "body.model",
            )


def _error(code: str, message: str, param: str) -> BatchError:
    return BatchError(code=code, message=message, param=param)


def _name(text: str) -> str:
    return shown(text, _NAME_CHARS)


def _inputs(value: object) -> int:
    """Return the inputs of an embedding row: the elements of a list, except of one list of token ids."""
    return len(value) if isinstance(value, list) and value and not isinstance(value[0], int | dict) else 1
