"""Print the S3 policy of the key of one side, with the addresses of config.yaml, as AWS, MinIO and others read it.

python -m llmbatch.cli.s3_policy airflow > airflow.json
python -m llmbatch.cli.s3_policy ray --config /etc/llmbatch/config.yaml > ray.json
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from llmbatch.core.access import Side
from llmbatch.core.access_policy import Addresses, policy_of
from llmbatch.core.config import CONFIG_ENV, load_config
from llmbatch.core.errors import ConfigError


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the policy; 1 if the configuration cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m llmbatch.cli.s3_policy",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("side", choices=[side.value for side in Side], help="whose key the policy is for")
    parser.add_argument(
        "--config",
        default=os.environ.get(CONFIG_ENV) or "config/config.yaml",
        help=f"the configuration of the deployment (default: ${CONFIG_ENV}, or else config/config.yaml)",
    )
    given = parser.parse_args(arguments)
    try:
        addresses = Addresses.of(load_config(Path(given.config)))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(policy_of(Side(given.side), addresses), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
