"""``python -m llmbatch.cluster --job s3://bucket/prefix/jobs/<job_id> [--generation N]``."""

from __future__ import annotations

import argparse
import logging
import os
import sys

from llmbatch.cluster.driver.log_line import log_to_stderr
from llmbatch.cluster.driver.pipeline import Pipeline, print_end
from llmbatch.core.layout import split_uri

_NICENESS = 10


def main(arguments: list[str]) -> int:
    """Run one generation of a job; the exit code is an ``ExitReason``."""
    parser = argparse.ArgumentParser(prog="python -m llmbatch.cluster", description="Run one LLM batch job in Ray.")
    parser.add_argument("--job", required=True, type=_job_uri, help="s3://bucket/prefix/jobs/<job_id>")
    parser.add_argument("--generation", type=int, default=1, help="how many times this job has been submitted")
    options = parser.parse_args(arguments)
    if os.environ.get("RAY_ADDRESS"):
        # The engines are elsewhere: where they share this node's cores, the driver works in their gaps. Before any
        # thread starts, as a priority belongs to a thread.
        os.nice(_NICENESS)
    log_to_stderr()
    logging.getLogger("botocore").setLevel(logging.WARNING)
    pipeline = Pipeline(options.job, options.generation)
    end = pipeline.run()
    print_end(pipeline.job_id, end)
    return int(end.reason)


def _job_uri(text: str) -> str:
    split_uri(text)
    return text.rstrip("/")


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: Ray Data's threads may still wait for abandoned shards. Ray ends the job's actors.
    os._exit(code)
