"""How long the listing of committed shards takes, and how much memory. Runs in the Ray room, as a driver does it."""

from __future__ import annotations

import argparse
import json
import resource
import time

from llmbatch.cluster.storage.store import open_store
from llmbatch.core.layout import JobLayout


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--job", required=True, help="s3:// folder of the job")
    options = parser.parse_args()
    store, layout = open_store(), JobLayout(options.job)
    next(iter(store.list(layout.results)))  # connections and client are there before the clock starts
    began = time.monotonic()
    committed = {JobLayout.shard_of(info.uri): info for info in store.list(layout.results)}
    seconds = time.monotonic() - began
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"MEASURED {json.dumps({'shards': len(committed), 'seconds': seconds, 'peak_mb': peak_mb})}")


if __name__ == "__main__":
    main()
