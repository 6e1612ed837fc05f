"""What Airflow needs before its processes start: tables, the pool of Ray jobs, the user ``admin``. Runs at each start.

The pool and the user are made once: what an operator has changed stays. The commands of Airflow's own command line run
in this process, so the password is on no command line.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

POOL = "llmbatch_ray"
ADMIN = "admin"


def airflow(*words: str) -> None:
    """Run a command of the command line ``airflow``. Raises ``SystemExit`` if it fails."""
    from airflow.cli import cli_parser

    arguments = cli_parser.get_parser().parse_args(words)
    arguments.func(arguments)


def ensure_pool() -> None:
    """Make the pool. A deferred task holds no worker, but its Ray job holds the cluster."""
    from airflow.models.pool import Pool

    if Pool.get_pool(POOL) is None:
        slots = os.environ.get("LLMBATCH_RAY_SLOTS", "4")
        airflow("pools", "set", "--include-deferred", POOL, slots, "Ray jobs that run at once")


def ensure_admin() -> None:
    """Make the user, whom all rights belong to, with the password of the deployment's secrets."""
    password = Path("/run/secrets/airflow_admin_password").read_text(encoding="utf-8").strip()
    names = {"firstname": "llmbatch", "lastname": "admin", "email": "admin@localhost"}
    user = {"username": ADMIN, "role": "Admin", **names}
    options = [word for name, value in user.items() for word in (f"--{name}", value)]
    airflow("users", "create", *options, "--password", password)


def main() -> int:
    """Do all of it."""
    airflow("db", "migrate")
    ensure_pool()
    ensure_admin()
    return 0


if __name__ == "__main__":
    sys.exit(main())
