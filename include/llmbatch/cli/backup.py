"""Back up a job's folder or many, and restore them with the arguments exchanged. The store is that of ``AWS_*``.

python -m llmbatch.cli.backup s3://bucket/llmbatch/jobs/<job_id>/ s3://backup/llmbatch/jobs/<job_id>/
python -m llmbatch.cli.backup s3://bucket/llmbatch/jobs/ s3://backup/llmbatch/jobs/

A complete copy of a whole folder ``jobs/`` is noted in ``backups/`` beside it, where ``llmbatch doctor`` finds its age.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from llmbatch.core import metrics
from llmbatch.core.backups import BackupRecord, note_backup
from llmbatch.core.clock import SystemClock
from llmbatch.core.errors import LlmbatchError, StoreError
from llmbatch.orchestrator.maintenance.backup import copy_jobs
from llmbatch.orchestrator.metrics.events import count, open_client
from llmbatch.s3.client import open_environment_store


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; its last line is the report."""
    parser = argparse.ArgumentParser(prog="python -m llmbatch.cli.backup", description=__doc__)
    parser.add_argument("source", help="folder to copy, s3://…")
    parser.add_argument("target", help="folder to copy it to, s3://…")
    given = parser.parse_args(arguments)
    open_client()
    store = open_environment_store()
    try:
        report = copy_jobs(given.source, given.target, store)
    except LlmbatchError as error:
        count(metrics.BACKUPS, "failed")
        print(error, file=sys.stderr)
        return 1
    record = BackupRecord(
        finished_at=SystemClock().now(), target=given.target, objects=report.objects, bytes=report.bytes,
        copied=report.copied,
    )  # fmt: skip
    try:
        if note_backup(given.source, record, store):
            count(metrics.BACKUPS, "ok")
    except StoreError as error:  # a restore may have no right to write beside the backup
        print(f"The copy is complete, but its record was not written: {error}", file=sys.stderr)
    print(f"RESULT {json.dumps(asdict(report))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
