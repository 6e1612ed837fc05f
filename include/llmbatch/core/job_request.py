"""The request of a user: the model that every entry point builds and that is validated in one place."""

from __future__ import annotations

import difflib
import re
from string import Formatter
from typing import Annotated, Any, Literal

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StrictBool,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from llmbatch.core.addresses import checked_address
from llmbatch.core.endpoints import Endpoint, Task
from llmbatch.core.errors import RequestError
from llmbatch.core.identity import JOB_ID_PATTERN
from llmbatch.core.layout import split_uri
from llmbatch.core.priority import DEFAULT_PRIORITY, Priority
from llmbatch.core.request_options import (
    MOST_SAMPLE_ROWS,
    CsvOptions,
    EngineOptions,
    InputFormat,
    OnCancel,
    OnDeadline,
    OnInfeasible,
    OutputFormat,
    Reactions,
)
from llmbatch.core.sampling import DEFAULT_MAX_TOKENS, Sampling
from llmbatch.core.sla_hours import DEFAULT_SLA_HOURS, SLA_FIELDS, SlaHours

_BUCKET = re.compile(r"[A-Za-z0-9._-]{1,255}", re.ASCII)
_SECTIONS: dict[str, type[BaseModel]] = {
    "csv": CsvOptions,
    "sampling": Sampling,
    "engine": EngineOptions,
    "reactions": Reactions,
}
_HALF_PAIR = re.compile("[\ud800-\udfff]")
_OTHER_NAMES = {"max_completion_tokens": "max_tokens"}
"""Names that OpenAI's API has for fields of a request."""
_SHOWN_CHARS = 300


class JobRequest(BaseModel):
    """One batch job: input, prompt, model, sampling, output and SLA.

    ``retry_failed_of`` names an earlier job instead of an input: its rows that did not succeed are run again. With
    ``sample_rows`` the job is about so many rows of the input, spread over it; the others are left out.

    ``request`` holds fields of a request body that every row has unless it sets them itself; ``sampling`` is a short
    form of it. ``keep_columns`` names the columns of a table that come back with the answers; null: all, up to
    ``staging.keep_bytes`` a row. ``response_column`` adds the whole response body to a table. With ``strict_model`` a
    row that names another model fails. ``batch_endpoint``: the input is a batch of OpenAI's API for this endpoint, all
    for one model; if any line is not a request of it, no row runs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    retry_failed_of: Annotated[str, Field(pattern=f"^{JOB_ID_PATTERN}$")] | None = None
    input_uri: Annotated[str | None, Field(validate_default=True)] = None
    input_format: InputFormat = InputFormat.AUTO
    batch_endpoint: Endpoint | None = None
    csv: CsvOptions = CsvOptions()
    id_column: str | None = None
    sample_rows: Annotated[int, Field(ge=1, le=MOST_SAMPLE_ROWS)] | None = None
    prompt_column: str | None = None
    messages_column: str | None = None
    prompt_template: str | None = None
    system_prompt: str | None = None
    model: str | None = None
    task: Task = Task.GENERATE
    sampling: Sampling = Sampling()
    request: dict[str, JsonValue] = {}
    output_schema: dict[str, JsonValue] | None = None
    output_uri: str | None = None
    output_format: OutputFormat = OutputFormat.AUTO
    keep_columns: Literal["all", "none"] | tuple[str, ...] | None = None
    response_column: StrictBool = False
    strict_model: StrictBool = False
    sla_hours: Annotated[SlaHours, Field(validation_alias=AliasChoices(*SLA_FIELDS))] = DEFAULT_SLA_HOURS
    on_deadline: OnDeadline = OnDeadline.EXPIRE
    on_cancel: OnCancel = OnCancel.STOP
    priority: Priority = DEFAULT_PRIORITY
    engine: EngineOptions = EngineOptions()
    on_infeasible: OnInfeasible = OnInfeasible.ACCEPT
    reactions: Reactions = Reactions()
    dry_run: bool = False
    max_error_rate: Annotated[float, Field(ge=0, le=1)] = 0.05
    idempotency_key: Annotated[str, Field(max_length=200)] | None = None

    @field_validator("input_uri", "output_uri")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value is None:
            return None
        bucket, _ = split_uri(checked_address(value))
        if not _BUCKET.fullmatch(bucket):
            raise ValueError(f"{bucket!r} is not the name of a bucket; a glob may only follow the bucket")
        return value

    @field_validator("input_uri")
    @classmethod
    def _input_or_retry(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and info.data.get("retry_failed_of") is None:
            raise PydanticCustomError("missing", "Field required")
        return value

    @field_validator("system_prompt", "prompt_template")
    @classmethod
    def _no_nul(cls, value: str | None) -> str | None:
        if value is not None and "\0" in value:
            raise ValueError("holds a NUL character, which no engine takes")
        return value

    @field_validator("prompt_template")
    @classmethod
    def _template(cls, value: str | None) -> str | None:
        if value is None:
            return value
        parts = [(name, form, kind) for _, name, form, kind in Formatter().parse(value) if name is not None]
        columns = [name for name, _, _ in parts]
        for name, form, kind in parts:
            if form or kind:
                shown = f"{name}{f'!{kind}' if kind else ''}{f':{form}' if form else ''}"
                raise ValueError(f"'{{{shown}}}' has a format, and values are filled in as they are; write {{{name}}}")
        if not columns:
            raise ValueError("names no {column}, so every row would have the same prompt")
        if any(not name.isidentifier() for name in columns):
            raise ValueError("may hold plain {column} names only; write {{ and }} for braces")
        return value

    @property
    def engine_task(self) -> Task:
        """What the engine does with the rows: in a batch that follows from its endpoint, else it is ``task``."""
        return self.task if self.batch_endpoint is None else self.batch_endpoint.task

    @model_validator(mode="after")
    def _one_prompt(self) -> JobRequest:
        named = [n for n in ("prompt_column", "messages_column", "prompt_template") if getattr(self, n) is not None]
        if len(named) > 1:
            raise ValueError(f"{' and '.join(named)} exclude each other; keep one")
        return self

    @model_validator(mode="after")
    def _fields_apply_to_the_task(self) -> JobRequest:
        if self.task is Task.GENERATE:
            return self
        no_use = ["system_prompt", "output_schema"]
        if self.task is Task.SCORE:
            no_use += ["prompt_column", "messages_column", "prompt_template"]
        given = next((name for name in no_use if getattr(self, name) is not None), None)
        if given is not None:
            raise ValueError(f"{given} does not apply to task {self.task.value}; leave it out")
        return self

    @model_validator(mode="after")
    def _answers_can_be_long_enough(self) -> JobRequest:
        wanted, given = self.sampling.min_tokens or 0, self.sampling.max_tokens
        if given is None and not self.request and wanted > DEFAULT_MAX_TOKENS and self.retry_failed_of is None:
            raise ValueError(
                f"sampling.min_tokens {wanted} is more than the default max_tokens {DEFAULT_MAX_TOKENS}; set max_tokens"
            )
        return self

    @property
    def source_uri(self) -> str:
        """The input's address; empty in a retry's request, until accept has filled in the earlier job's."""
        return self.input_uri or ""

    @property
    def template_columns(self) -> tuple[str, ...]:
        """Columns that the prompt template reads, in order of first use."""
        names = [name for _, name, _, _ in Formatter().parse(self.prompt_template or "") if name is not None]
        return tuple(dict.fromkeys(names))


def parse_request(conf: dict[str, Any]) -> JobRequest:
    """Validate what a user sent, from any entry point. A null means "not given", as an empty form field is.

    Raises:
        RequestError: naming the first field that is wrong, its value and the fix.
    """
    given = {key: value for key, value in conf.items() if value is not None and value != ""}
    broken = _not_utf8(given)
    if broken is not None:
        raise RequestError(_short(broken), "holds half a surrogate pair (\\ud800 to \\udfff)", "Remove it.")
    try:
        return JobRequest.model_validate(given)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        first = min(problems, key=lambda found: found["type"] != "extra_forbidden")  # a typo explains a missing field
        field = _short(".".join(str(part) for part in first["loc"]) or "request")
        raise _as_request_error(field, first["type"], first["msg"], first.get("input"), given) from None


def _not_utf8(conf: dict[str, Any]) -> str | None:
    """Return the first field whose text cannot be stored as UTF-8, or None."""
    open_values: list[tuple[str, object]] = [*reversed(conf.items())]
    while open_values:
        path, value = open_values.pop()
        if isinstance(value, dict):
            open_values += [(f"{path}.{key}", item) for key, item in value.items()]
            value = "".join(map(str, value))
        elif isinstance(value, list):
            open_values += [(f"{path}.{index}", item) for index, item in enumerate(value)]
        if isinstance(value, str) and _HALF_PAIR.search(value):
            return path
    return None


def _as_request_error(field: str, kind: str, message: str, value: object, given: dict[str, Any]) -> RequestError:
    if kind == "extra_forbidden":
        parent, _, leaf = field.rpartition(".")
        fields = _SECTIONS.get(parent, JobRequest).model_fields
        near = [_OTHER_NAMES[leaf]] if leaf in _OTHER_NAMES else difflib.get_close_matches(leaf, fields, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known fields: {', '.join(fields)}."
        return RequestError(field, "is not a field of a job request", hint)
    if kind == "missing":
        return RequestError(field, "is required", f"Add it, e.g. {field}: s3://bucket/prompts.jsonl.")
    shown = "" if value is given or isinstance(value, dict) else f" (got {_shown(value):.80})"
    text = _short(message.removeprefix("Value error, "))
    return RequestError(field, f"{text[:1].lower()}{text[1:]}{shown}", "Correct the value and start the job again.")


def _shown(value: object) -> str:
    """Return the value as Python writes it; only its type if it is nested too deeply or has too many digits."""
    try:
        return repr(value)
    except (RecursionError, ValueError):
        return type(value).__name__


def _short(text: str) -> str:
    """Return the start of a text that a user may have sent, as text that can be stored."""
    return text[:_SHOWN_CHARS].encode("utf-8", "backslashreplace").decode()
