"""Deliver a finished job to another address. Nothing is run again, and its proof stays as it is.

The files, a copy of ``manifest.json`` and ``latest.json`` are written as if the request had this ``output_uri``:

python -m llmbatch.cli.deliver s3://bucket/llmbatch/jobs/<job_id> s3://bucket/answers

``AWS_*`` name the store, and its key decides what may be written: ``store.allowed_outputs`` is for requests.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from llmbatch.core.addresses import checked_address
from llmbatch.core.drop_settings import DropConfig
from llmbatch.core.errors import LlmbatchError
from llmbatch.orchestrator.intake.addresses import check_output, probe_output
from llmbatch.orchestrator.jobs.documents import read_spec
from llmbatch.orchestrator.publishing.redeliver import delivered_to, redeliver
from llmbatch.s3.client import open_environment_store


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; its last line lists the delivered files."""
    parser = argparse.ArgumentParser(
        prog="python -m llmbatch.cli.deliver", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("job_uri", help="the job's folder, s3://bucket/prefix/jobs/<job_id>")
    parser.add_argument("output_uri", help="the job is delivered to <output_uri>/<job_id>/")
    given = parser.parse_args(arguments)
    try:
        store = open_environment_store()
        job_uri = checked_address(given.job_uri).rstrip("/")
        spec = delivered_to(read_spec(job_uri, store), checked_address(given.output_uri))
        check_output(spec, spec.layout.base, None, DropConfig())
        probe_output(spec, store)
        outputs = redeliver(spec, store)
    except (LlmbatchError, ValueError) as error:
        print(f"{given.job_uri!a}: not delivered: {error}", file=sys.stderr)
        return 1
    print(f"RESULT {json.dumps([output.model_dump() for output in outputs])}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
