"""Show or remove the engine settings that were adopted for a model. ``AWS_*`` name the store.

python -m llmbatch.cli.tuned s3://bucket/prefix small
python -m llmbatch.cli.tuned s3://bucket/prefix small --remove
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from llmbatch.core.errors import LlmbatchError
from llmbatch.core.layout import tuned_uri
from llmbatch.s3.client import open_environment_store


def main(arguments: Sequence[str] | None = None) -> int:
    """Print ``tuned.json`` as it is stored, and remove it if requested; 1 if there is none."""
    parser = argparse.ArgumentParser(prog="python -m llmbatch.cli.tuned", description=__doc__)
    parser.add_argument("base_uri", help="store.base_uri of config.yaml, s3://bucket/prefix")
    parser.add_argument("model", help="name of the model in config.yaml")
    parser.add_argument("--remove", action="store_true", help="later jobs use the settings of config.yaml")
    given = parser.parse_args(arguments)
    uri = tuned_uri(given.base_uri, given.model)
    try:
        store = open_environment_store()
        print(store.get(uri).decode("utf-8", "replace"))
        if given.remove:
            store.delete(uri)
            print(f"removed {uri}")
    except (LlmbatchError, ValueError) as error:
        print(f"{given.model}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
