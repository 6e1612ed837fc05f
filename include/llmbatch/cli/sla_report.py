"""The command line of the report; the store is that of the usual ``AWS_*`` environment.

python -m llmbatch.cli.sla_report --base s3://bucket/prefix --format html --out report.html
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from llmbatch.core.clock import SystemClock
from llmbatch.core.errors import LlmbatchError
from llmbatch.core.layout import split_uri
from llmbatch.orchestrator.sla_report.report import FORMATS, MOST_JOBS, render
from llmbatch.s3.client import open_environment_store


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line: write the report, print its path."""
    parser = argparse.ArgumentParser(prog="python -m llmbatch.cli.sla_report", description=__doc__)
    parser.add_argument(
        "--base", required=True, help="s3://bucket/prefix that holds jobs/, store.base_uri of config.yaml"
    )
    parser.add_argument("--format", choices=FORMATS, default="html")
    parser.add_argument("--out", required=True, type=Path, help="file to write; its folder must be there")
    parser.add_argument(
        "--jobs", type=int, default=MOST_JOBS, help="newest finished jobs to read (default: %(default)s)"
    )
    given = parser.parse_args(arguments)
    try:
        split_uri(given.base)
        text = render(given.base, open_environment_store(), SystemClock(), format=given.format, most=max(1, given.jobs))
        given.out.write_text(text, encoding="utf-8", newline="")
    except (LlmbatchError, ValueError, OSError) as error:
        print(f"{given.base}: no report: {error}", file=sys.stderr)
        return 1
    print(f"{given.format} report of {given.base} is in {given.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
