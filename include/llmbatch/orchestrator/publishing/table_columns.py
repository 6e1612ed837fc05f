"""The delivered columns of a table, in one order for Parquet and JSON lines."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from llmbatch.core.job_spec import JobSpec
from llmbatch.orchestrator.jobs.kept_columns import PREFIX, own_name
from llmbatch.orchestrator.jobs.result_shards import RESULT_SCHEMA
from llmbatch.orchestrator.publishing.answer_columns import ANSWER_TYPES, answer_array, answer_columns
from llmbatch.orchestrator.publishing.answers import Answer, answer_of
from llmbatch.orchestrator.publishing.json_columns import json_column, json_line, json_texts

_IDS = ("custom_id", "row_id", "line")
_USAGE = ("prompt_tokens", "completion_tokens", "error_class", "error")

_DOUBTFUL = frozenset({*ANSWER_TYPES, "response"})


@dataclass(frozen=True)
class TableColumns:
    """The columns of one delivered file; a result row has more.

    Attributes:
        schema: names and types as delivered.
        kept: those of them that are the input's own, by their name in the rows.
    """

    schema: pa.Schema
    kept: dict[str, str]

    @classmethod
    def of(cls, spec: JobSpec, kept: pa.Schema, *, is_failed: bool) -> TableColumns:
        """Return the columns of the succeeded rows, or those of all other rows, which have their request too.

        ``custom_id``, ``row_id`` and ``line`` come first, then the input's own columns, the answer's, and the counts.
        An own column with the name of one of ours, in either file, is ``input.<name>``.
        """
        ours = ["state", *answer_columns(spec), *_USAGE, *(["response"] if spec.request.response_column else [])]
        kept_names = delivered_names([own_name(name) for name in kept.names], {*_IDS, *ours, "request"})
        renamed = dict(zip(kept_names, kept.names, strict=True))
        types = {**{field.name: field.type for field in RESULT_SCHEMA}, **ANSWER_TYPES}
        fields = [
            *(pa.field(name, types[name]) for name in _IDS),
            *(pa.field(name, kept.field(stored).type) for name, stored in renamed.items()),
            *(pa.field(name, types[name]) for name in (*ours, *(["request"] if is_failed else []))),
        ]
        return cls(pa.schema(fields), renamed)

    def table(self, rows: pa.Table) -> pa.Table:
        """Return the delivered columns of result rows, with Arrow's types."""
        answers = _answers(rows)
        arrays = [self._stored(rows, name, answers) for name in self.schema.names]
        return pa.Table.from_arrays(arrays, schema=self.schema)

    def json_lines(self, rows: pa.Table) -> Iterator[str]:
        """Yield the delivered columns of each result row as a JSON object; what a row lacks is null."""
        answers = _answers(rows)
        columns = [self._values(rows, name, answers) for name in self.schema.names]
        for values in zip(*columns, strict=True):
            yield json_line(dict(zip(self.schema.names, values, strict=True)), _DOUBTFUL)

    def _stored(self, rows: pa.Table, name: str, answers: Sequence[Answer]) -> pa.ChunkedArray | pa.Array:
        if name in self.kept:
            return rows[self.kept[name]]
        return answer_array(answers, name) if name in ANSWER_TYPES else rows[name]

    def _values(self, rows: pa.Table, name: str, answers: Sequence[Answer]) -> list[object]:
        if name in self.kept:
            return json_column(rows[self.kept[name]], name)
        if name in ANSWER_TYPES:
            return [answer.get(name) for answer in answers]
        values: list[object] = json_texts(rows[name]) if name == "response" else rows[name].to_pylist()
        return values


def _answers(rows: pa.Table) -> list[Answer]:
    responses, urls = rows["response"].to_pylist(), rows["url"].to_pylist()
    return [answer_of(response, url) for response, url in zip(responses, urls, strict=True)]


def delivered_names(own: Sequence[str], ours: Collection[str]) -> list[str]:
    """Return the names of the input's own columns as delivered: ``text`` is ``input.text`` beside our ``text``."""
    names: list[str] = []
    for name in own:
        shown = name
        while shown in ours or (shown != name and shown in own):
            shown = f"{PREFIX}{shown}"
        names.append(shown)
    return names
