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


def require_space(spec: JobSpec, output_format: OutputFormat, store: ObjectStore, folder: Path) -> None:
    """Make sure that the folder has room for the output of a job, as far as the committed shards show.

    Args:
        spec: the job that has a result of every row.
        output_format: of the files that will be written.
        store: where its committed shards are.
        folder: where the files will be.

    Raises:
        DiskFull: there is less room than the files need at least.
        StoreError: the store failed.
    """
    committed = sum(info.size for info in store.list(spec.layout.results))
    needed = int(committed * _PARQUET_SHARE) if output_format is OutputFormat.PARQUET else committed
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
