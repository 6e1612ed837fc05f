"""Build the request of an input row for the engine, as deterministic JSON text.

Rules:
    * An OpenAI body keeps its kind: ``/v1/chat/completions`` is a chat, ``/v1/completions`` a completion.
    * A row of a table (JSONL, Parquet, CSV) is a chat. Its prompt is, in this order: ``prompt_template`` filled in, the
      ``messages_column``, the ``prompt_column``, or the default columns (see ``columns``). A prompt becomes one user
      message; a prompt that is a list is a list of messages.
    * A ``system_prompt`` is put before the messages of rows without a system message; it turns completions into chats.
    * A table row may set its own parameters in a column ``sampling`` (an object, or its JSON text). Other columns are
      ignored. An OpenAI body sets them as usual; its ``model`` is ignored, the job's model answers every row.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from string import Formatter
from typing import NamedTuple

from llmbatch.core.endpoints import Endpoint
from llmbatch.core.errors import RowError
from llmbatch.core.job_request import JobRequest
from llmbatch.core.states import ErrorClass
from llmbatch.orchestrator.inputs.columns import DEFAULT_COLUMNS, MESSAGE_COLUMNS, default_columns
from llmbatch.orchestrator.inputs.json_values import as_json
from llmbatch.orchestrator.inputs.messages import Message, checked_messages, content_chars, with_system
from llmbatch.orchestrator.inputs.row_ids import RowIds
from llmbatch.orchestrator.inputs.sampling import SamplingMerge, canonical

SAMPLING_COLUMN = "sampling"
"""The column of a row's own parameters."""

_SCHEMA_KEYS = ("response_format", "guided_json")


class BuiltRequest(NamedTuple):
    """A request as JSON text, the characters of its prompt, and the output tokens that its answer may have."""

    url: str
    text: str
    input_chars: int
    answer_limit: int


class RequestBuilder:
    """Builds the requests of one job. Raises ``RowError`` for a row that cannot become one."""

    def __init__(self, request: JobRequest, max_prompt_chars: int) -> None:
        self.max_prompt_chars = max_prompt_chars
        self.request = request
        self.ids = RowIds(request.id_column)
        self._system = request.system_prompt
        one = tuple(filter(None, (request.messages_column, request.prompt_column)))
        self._named = request.template_columns or one
        self._template = list(Formatter().parse(request.prompt_template or ""))
        self._sampling = SamplingMerge(request.sampling)
        self._schema = canonical(request.output_schema) if request.output_schema is not None else None

    def prompt_columns(self, available: Collection[str]) -> tuple[str, ...] | None:
        """Return the columns that hold the prompt, or None if a needed one is not among ``available``."""
        if self._named:
            return self._named if all(name in available for name in self._named) else None
        return default_columns(available)

    @property
    def wanted(self) -> str:
        """The columns that rows need, for messages."""
        columns, word = (self._named, "and") if self._named else (DEFAULT_COLUMNS, "or")
        return f" {word} ".join(f"`{name}`" for name in columns)

    def of_chat_body(self, body: Mapping[str, object]) -> BuiltRequest:
        """Build from the body of an OpenAI chat completion."""
        if "messages" not in body:
            raise _invalid("`body.messages` is missing", "A /v1/chat/completions row needs it")
        messages = checked_messages(body["messages"])
        return self._chat(messages, _parameters(body, "messages"), _schema_of(body))

    def of_completion_body(self, body: Mapping[str, object]) -> BuiltRequest:
        """Build from the body of an OpenAI completion."""
        prompt = body.get("prompt")
        if isinstance(prompt, list) and len(prompt) == 1:
            prompt = prompt[0]
        text = _prompt_text(prompt, "body.prompt")
        parameters, schema = _parameters(body, "prompt"), _schema_of(body)
        if self._system is not None:
            return self._chat(_user(text), parameters, schema)
        return self._finished("completion", f'"prompt":{canonical(text)}', len(text), parameters, schema)

    def of_record(self, record: Mapping[str, object]) -> BuiltRequest:
        """Build from a row of a table."""
        columns = self.prompt_columns(record.keys())
        if columns is None:
            raise _invalid(f"the row has no {self.wanted}", "Add it, or name another column in the request")
        messages = self._messages(record, columns)
        own = record.get(SAMPLING_COLUMN)
        parameters = _parsed(own, "sampling") if own is not None and own != "" else {}
        if not isinstance(parameters, dict):
            raise _invalid("`sampling` is not an object", 'Write it like {"max_tokens": 64}')
        return self._chat(messages, {key: item for key, item in parameters.items() if item is not None}, None)

    def _messages(self, record: Mapping[str, object], columns: tuple[str, ...]) -> list[Message]:
        if self._template:
            text = "".join(
                literal + (_filled(record[name], name) if name is not None else "")
                for literal, name, _, _ in self._template
            )
            return _user(_prompt_text(text, "prompt_template"))
        main, *others = columns
        value = record[main]
        if main == self.request.messages_column or (not self._named and main in MESSAGE_COLUMNS):
            return checked_messages(_parsed(value, main), main)
        paragraphs = [_prompt_text(record[name], name) for name in others if record[name] not in (None, "")]
        if isinstance(value, list) and not paragraphs:
            return checked_messages(value, main)
        return _user("\n\n".join((_prompt_text(value, main), *paragraphs)))

    def _chat(self, messages: list[Message], parameters: dict[str, object], schema: object | None) -> BuiltRequest:
        if self._system is not None:
            messages = with_system(messages, self._system)
        return self._finished(
            "chat", f'"messages":{_serialised(messages, "messages")}', content_chars(messages), parameters, schema
        )

    def _finished(
        self, kind: str, prompt: str, chars: int, parameters: dict[str, object], schema: object | None
    ) -> BuiltRequest:
        if chars > self.max_prompt_chars:
            raise RowError(
                ErrorClass.TOO_LONG,
                f"the prompt has {chars} characters, more than staging.max_prompt_chars {self.max_prompt_chars}. "
                "Shorten it or raise the limit",
            )
        if "\\u0000" in prompt and "\\u0000" in prompt.replace("\\\\", ""):
            raise _invalid("the prompt holds a NUL character", "Remove it")
        sampling = self._sampling.merged(parameters)
        wanted = _serialised(schema, "response_format") if schema is not None else self._schema
        parts = {"output_schema": wanted, "sampling": sampling.text}
        rest = [f'"{name}":{text}' for name, text in parts.items() if text is not None]
        text = "{" + ",".join([prompt, *rest] if kind == "chat" else sorted([prompt, *rest])) + "}"
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise _invalid("the row holds half of a surrogate pair (\\ud800 to \\udfff)", "Remove it") from None
        url = Endpoint.CHAT if kind == "chat" else Endpoint.COMPLETIONS
        return BuiltRequest(url.value, text, chars, sampling.max_tokens)


def _parameters(body: Mapping[str, object], prompt_key: str) -> dict[str, object]:
    """Return the sampling parameters; a null means "not given", as SDKs write it."""
    return {
        key: value for key, value in body.items() if value is not None and key != prompt_key and key not in _SCHEMA_KEYS
    }


def _schema_of(body: Mapping[str, object]) -> object | None:
    guided, form = body.get("guided_json"), body.get("response_format")
    if guided is not None:
        schema = _parsed(guided, "guided_json")
    elif form is None or form == {"type": "text"}:
        return None
    elif form == {"type": "json_object"}:
        return {"type": "object"}
    elif isinstance(form, dict) and form.get("type") == "json_schema" and isinstance(form.get("json_schema"), dict):
        schema = form["json_schema"].get("schema")
    else:
        raise _invalid("`response_format` is not understood", "Use type text, json_object or json_schema")
    if not isinstance(schema, dict):
        raise _invalid("the row's JSON schema is not an object", 'Write it like {"type": "object", ...}')
    return schema


def _user(text: str) -> list[Message]:
    return [{"role": "user", "content": text}]


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
    return value if isinstance(value, str) else _serialised(value, name)


def _parsed(value: object, name: str) -> object:
    """Return a value that may be given as JSON text."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise _invalid(f"`{name}` is a text that is not JSON", "Write it as JSON") from None


def _serialised(value: object, name: str) -> str:
    try:
        return canonical(value)
    except RecursionError:
        raise _invalid(f"`{name}` is nested too deeply", "Flatten it") from None
    except (TypeError, ValueError):
        as_json(value, name)  # names the key
        raise _invalid(f"`{name}` holds a value that JSON cannot carry", "Write it as text") from None


def _invalid(problem: str, fix: str) -> RowError:
    return RowError(ErrorClass.INVALID, f"{problem}. {fix}")
