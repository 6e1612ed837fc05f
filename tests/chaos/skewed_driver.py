"""The driver of a Ray job on a machine whose clock is wrong: ``python -m chaos.skewed_driver SECONDS --job …``."""

from __future__ import annotations

import runpy
import sys
from datetime import UTC, datetime, timedelta

from llmbatch.core.clock import SystemClock


def main(seconds: float) -> None:
    """Run the driver in this process, with its clock ahead by ``seconds``. Its replicas have the machine's clock."""

    def now(self: SystemClock) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=seconds)

    SystemClock.now = now  # type: ignore[method-assign]
    runpy.run_module("llmbatch.cluster", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(float(sys.argv.pop(1)))
