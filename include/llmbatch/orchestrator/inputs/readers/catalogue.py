"""The reader of each input format."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from llmbatch.core.request_options import InputFormat
from llmbatch.core.rows import StagedRow
from llmbatch.orchestrator.inputs.readers.csv_table import read_csv
from llmbatch.orchestrator.inputs.readers.jsonl import read_jsonl
from llmbatch.orchestrator.inputs.readers.openai_batch import read_openai_batch
from llmbatch.orchestrator.inputs.readers.parquet import read_parquet
from llmbatch.orchestrator.inputs.readers.source import Source

READERS: dict[InputFormat, Callable[[Source], Iterator[StagedRow]]] = {
    InputFormat.OPENAI_BATCH: read_openai_batch,
    InputFormat.JSONL: read_jsonl,
    InputFormat.PARQUET: read_parquet,
    InputFormat.CSV: read_csv,
}
"""The reader of every format but ``auto``, which is resolved when a job is accepted."""
