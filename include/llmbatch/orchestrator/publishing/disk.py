"""The local disk on which results are collected before they are delivered."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llmbatch.core.errors import DiskFull
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.request_options import OutputFormat
from llmbatch.core.store import ObjectStore

_PARQUET_SHARE = 0.5
"""Of the committed shards, which have more columns. JSON lines, which are not compressed, need at least all of it."""
_TABLE_SHARE = 0.1
"""Of that, where a table has only what its columns show of the bodies: most of a body can be ``prompt_logprobs``."""


def require_space(spec: JobSpec, output: JobSpec, store: ObjectStore, folder: Path) -> None:
    """Make sure that the folder has room for the output of a job, as far as the committed shards show.

    Args:
        spec: the job that has a result of every row: of a retry, the first one.
        output: the job whose files will be written.
        store: where the committed shards are.
        folder: where the files will be.

    Raises:
        DiskFull: there is less room than the files need at least.
        StoreError: the store failed.
    """
    share = _PARQUET_SHARE if output.output_format is OutputFormat.PARQUET else 1.0
    if output.output_format is not OutputFormat.OPENAI_BATCH and not output.request.response_column:
        share *= _TABLE_SHARE
    needed = int(sum(info.size for info in store.list(spec.layout.results)) * share)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DiskFull(spec.job_id, str(folder), needed, free)


@contextmanager
def within_space(spec: JobSpec, folder: Path) -> Iterator[None]:
    """Turn a write that found the disk full into ``DiskFull``; every other error passes."""
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        written = sum(path.stat().st_size for path in folder.iterdir())
        raise DiskFull(spec.job_id, str(folder), written, shutil.disk_usage(folder).free) from error
