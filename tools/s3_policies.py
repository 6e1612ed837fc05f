"""Write deploy/security/s3-airflow.json and s3-ray.json: the policies of the default addresses, from the table of access.

``BUCKET`` and ``PREFIX`` in them are to be replaced; ``python -m llmbatch.cli.s3_policy`` prints those of a config.yaml.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from llmbatch.core.access import Side
from llmbatch.core.access_policy import Addresses, policy_of

FOLDER = Path(__file__).parents[1] / "deploy" / "security"
WHOLE = ("s3://BUCKET",)
"""Inputs and outputs may be anywhere in the bucket, as ``store.allowed_inputs`` and ``allowed_outputs`` are by default."""


def template(side: Side) -> str:
    """Return the text of one file."""
    return json.dumps(policy_of(side, Addresses("s3://BUCKET/PREFIX", WHOLE, WHOLE)), indent=2) + "\n"


def main() -> int:
    """Write both files."""
    for side in Side:
        (FOLDER / f"s3-{side}.json").write_text(template(side), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
