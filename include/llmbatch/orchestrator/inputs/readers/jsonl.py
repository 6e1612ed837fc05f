"""Plain JSONL: one object per line, its keys are the columns."""

from __future__ import annotations

from collections.abc import Iterator

from llmbatch.core.rows import StagedRow
from llmbatch.orchestrator.inputs.readers.json_object import json_object
from llmbatch.orchestrator.inputs.readers.source import Source, decoded


def read_jsonl(source: Source) -> Iterator[StagedRow]:
    """Yield one row per line that is not blank."""
    for line in source.lines():
        if not line.problem and not line.raw.strip():
            continue
        custom_id = None
        try:
            record = json_object(decoded(line))
            custom_id = source.builder.ids.of(record)
            yield source.row(line.number, custom_id, source.builder.of_record(record))
        except Exception as error:  # whatever one row holds is that row's failure
            yield source.failed(line.number, custom_id, error, line.raw)
