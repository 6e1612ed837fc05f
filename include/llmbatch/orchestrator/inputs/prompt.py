"""Build the body of an input row's request, as deterministic JSON text.

Rules:
    * A row of OpenAI's batch format keeps its endpoint and its body; ``body.model`` may name an adapter of the model.
    * A row of a table (JSONL, Parquet, CSV) becomes a request for the endpoint of the job's ``task``. Its prompt is, in
      this order: ``prompt_template`` filled in, the ``messages_column``, the ``prompt_column``, or the default columns
      (see ``columns``). To generate, a prompt becomes one user message; a prompt that is a list is a list of messages.
      A score has two columns of its own.
    * A ``system_prompt`` is put before the messages of chats without a system message.
    * A table row may set its own parameters in the columns ``request`` and ``sampling`` (objects, or their JSON text).
      Other columns are ignored. Parameters of a row precede those of the job.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from string import Formatter
from typing import NamedTuple

from llmbatch.core.config_sections import StagingConfig
from llmbatch.core.endpoints import Endpoint, Task
from llmbatch.core.errors import RowError
from llmbatch.core.job_request import JobRequest
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.request_options import OutputFormat
from llmbatch.core.sampling import LONGEST_ANSWER, MOST_ROW_TOKENS
from llmbatch.core.serving import Serving
from llmbatch.core.states import ErrorClass
from llmbatch.orchestrator.inputs.body_keys import CONTENT_KEYS
from llmbatch.orchestrator.inputs.canonical import serialised
from llmbatch.orchestrator.inputs.columns import (
    DEFAULT_COLUMNS,
    MESSAGE_COLUMNS,
    PAIRS,
    default_columns,
    pair_columns,
    table_endpoint,
)
from llmbatch.orchestrator.inputs.contents import Content, Contents
from llmbatch.orchestrator.inputs.media import MediaRules
from llmbatch.orchestrator.inputs.parameters import ParameterMerge
from llmbatch.orchestrator.inputs.row_ids import RowIds
from llmbatch.orchestrator.inputs.row_models import RowModels

PARAMETER_COLUMNS = ("sampling", "request")
"""The columns of a row's own parameters, the one that precedes last."""


class BuiltRequest(NamedTuple):
    """A request as JSON text, the characters of its prompts, and the output tokens that its answers may have."""

    endpoint: Endpoint
    text: str
    input_chars: int
    answer_limit: int


class RequestBuilder:
    """Builds the requests of one job. Raises ``RowError`` for a row that cannot become one.

    Attributes:
        models: which models the rows named.
    """

    def __init__(
        self, request: JobRequest, staging: StagingConfig, serving: Serving, most_tokens: int = LONGEST_ANSWER
    ) -> None:
        self.request, self.staging = request, staging
        self.ids, self.models = RowIds(request.id_column), RowModels(request, serving)
        self.table_endpoint = table_endpoint(request.task)
        one = tuple(filter(None, (request.messages_column, request.prompt_column)))
        self._named = request.template_columns or one
        self._template = list(Formatter().parse(request.prompt_template or ""))
        self._contents = Contents(MediaRules(serving, staging.max_media_bytes), request.system_prompt)
        self._parameters = ParameterMerge(request, serving, most_tokens)

    @classmethod
    def of(cls, spec: JobSpec) -> RequestBuilder:
        """Return the builder of a job."""
        request = spec.request.model_copy(update={"output_format": spec.output_format})
        return cls(request, spec.staging, spec.serving, spec.max_tokens)

    def prompt_columns(self, available: Collection[str]) -> tuple[str, ...] | None:
        """Return the columns that hold the prompt, or None if a needed one is not among ``available``."""
        if self.request.task is Task.SCORE:
            return pair_columns(available)
        if self._named:
            return self._named if all(name in available for name in self._named) else None
        return default_columns(available)

    @property
    def wanted(self) -> str:
        """The columns that rows need, for messages."""
        if self.request.task is Task.SCORE:
            return " or ".join(f"`{first}` and `{second}`" for first, second in PAIRS)
        columns, word = (self._named, "and") if self._named else (DEFAULT_COLUMNS, "or")
        return f" {word} ".join(f"`{name}`" for name in columns)

    def of_body(self, endpoint: Endpoint, body: Mapping[str, object]) -> BuiltRequest:
        """Build from the body of a request for an endpoint."""
        contents = CONTENT_KEYS[endpoint]
        parameters = {key: value for key, value in body.items() if key not in contents}
        return self._built(endpoint, self._contents.of(endpoint, body), parameters)

    def of_record(self, record: Mapping[str, object]) -> BuiltRequest:
        """Build from a row of a table."""
        columns = self.prompt_columns(record.keys())
        if columns is None:
            raise _invalid(f"the row has no {self.wanted}", "Add it, or name another column in the request")
        parameters: dict[str, object] = {}
        for name in PARAMETER_COLUMNS:
            if name not in columns:
                parameters |= _own_parameters(record.get(name), name)
        return self._built(self.table_endpoint, self._content(record, columns), parameters)

    def _content(self, record: Mapping[str, object], columns: tuple[str, ...]) -> Content:
        contents, endpoint = self._contents, self.table_endpoint
        if endpoint is Endpoint.SCORE:
            names = {"query": "queries", "document": "documents"}
            return contents.of(endpoint, {names.get(name, name): record[name] for name in columns})
        main, *others = columns
        if self._template:
            text = "".join(
                literal + (_filled(record[name], name) if name is not None else "")
                for literal, name, _, _ in self._template
            )
            return self._of_text(_prompt_text(text, "prompt_template"))
        value = record[main]
        if main == self.request.messages_column or (not self._named and main in MESSAGE_COLUMNS):
            return self._of_messages(_parsed(value, main), main)
        paragraphs = [_prompt_text(record[name], name) for name in others if record[name] not in (None, "")]
        if isinstance(value, list) and not paragraphs:
            return self._of_messages(value, main)
        return self._of_text("\n\n".join((_prompt_text(value, main), *paragraphs)))

    def _of_text(self, text: str) -> Content:
        if self.table_endpoint is Endpoint.CHAT:
            return self._contents.of(Endpoint.CHAT, {"messages": [{"role": "user", "content": text}]})
        return self._contents.of(self.table_endpoint, {"input": text})

    def _of_messages(self, value: object, column: str) -> Content:
        talk = self._contents.talk(value, column)
        if self.table_endpoint is Endpoint.CHAT:
            return self._contents.chat(talk)
        return Content({"messages": talk.messages}, talk.weight)

    def _built(self, endpoint: Endpoint, content: Content, parameters: dict[str, object]) -> BuiltRequest:
        model = self.models.of(parameters.pop("model", None))
        merged = self._parameters.merged(endpoint, parameters)
        chars, most = content.weight.chars + merged.chars, self.staging.max_prompt_chars
        if chars > most:
            raise RowError(
                ErrorClass.TOO_LONG,
                f"the prompt has {chars} characters, more than staging.max_prompt_chars {most}. "
                "Shorten it or raise the limit",
            )
        tokens = merged.one_answer * merged.answers * content.prompts
        if tokens > MOST_ROW_TOKENS:
            raise _invalid(f"the answers of the row may have {tokens} tokens, more than {MOST_ROW_TOKENS}", "Split it")
        if self.request.output_format is OutputFormat.PARQUET:
            _require_plain_vectors(merged.values)
        body = {**merged.values, **content.values}
        if model is not None:
            body["model"] = model
        return BuiltRequest(endpoint, _checked_text(body), chars, tokens)


def _require_plain_vectors(values: Mapping[str, object]) -> None:
    """Refuse vectors of another form than the column of a Parquet file: their base64 does not state its form."""
    for key, plain in (("embed_dtype", ("float32",)), ("endianness", ("native", "little"))):
        if values.get("encoding_format") == "base64" and values.get(key, plain[0]) not in plain:
            raise _invalid(f"`{key}` is {values[key]!r}, and Parquet files have vectors of {plain[0]}", "Remove it")


def _checked_text(body: dict[str, object]) -> str:
    try:
        text = serialised(body, "request")
    except RowError:
        for key, value in body.items():
            serialised(value, key)  # names the key
        raise
    if "\\u0000" in text and "\\u0000" in text.replace("\\\\", ""):
        raise _invalid("the prompt holds a NUL character", "Remove it")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise _invalid("the row holds half of a surrogate pair (\\ud800 to \\udfff)", "Remove it") from None
    return text


def _own_parameters(value: object, name: str) -> dict[str, object]:
    if value is None or value == "":
        return {}
    parsed = _parsed(value, name)
    if not isinstance(parsed, dict):
        raise _invalid(f"`{name}` is not an object", 'Write it like {"max_tokens": 64}')
    return {key: item for key, item in parsed.items() if item is not None}


def _prompt_text(value: object, name: str) -> str:
    if value is None:
        raise _invalid(f"`{name}` is null or missing", "Write the prompt into it")
    if not isinstance(value, str):
        raise _invalid(f"`{name}` is not a text", "One row holds one prompt, as text")
    if not value.strip():
        raise _invalid(f"`{name}` is blank", "Write the prompt into it or leave the row out")
    return value


def _filled(value: object, name: str) -> str:
    if value is None:
        raise _invalid(f"column `{name}` of the prompt template is null", "Fill it in or leave the row out")
    return value if isinstance(value, str) else serialised(value, name)


def _parsed(value: object, name: str) -> object:
    """Return a value that may be given as JSON text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise _invalid(f"`{name}` is a text that is not JSON", "Write it as JSON") from None


def _invalid(problem: str, fix: str) -> RowError:
    return RowError(ErrorClass.INVALID, f"{problem}. {fix}")
