"""Health check of the containers of the Airflow image: ``airflow_health.py api-server|gateway|scheduler|…``.

It imports no Airflow, which takes seconds of a core at each check. Servers are asked over HTTP; scheduler,
dag-processor and triggerer for their heartbeat in Airflow's database; a Celery worker through Redis.
"""

from __future__ import annotations

import json
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

TIMEOUT_S = 8
OLDEST_HEARTBEAT_S = 60
"""They are sent every 5 seconds."""
JOB_TYPES = {"scheduler": "SchedulerJob", "dag-processor": "DagProcessorJob", "triggerer": "TriggererJob"}
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def api_server() -> str | None:
    """Return what is wrong with the api-server of this container; None if it reaches its database."""
    status, body = _get("http://127.0.0.1:8080/api/v2/monitor/health")
    if status != 200:
        return f"the api-server answers {status}"
    state = json.loads(body)["metadatabase"]["status"]
    return None if state == "healthy" else f"its database is {state}"


def gateway() -> str | None:
    """Return what is wrong with the gateway of this container.

    503 is healthy: the gateway works, and says which part of Airflow or the store does not.
    """
    status, _ = _get("http://127.0.0.1:8000/health")
    return None if status in {200, 503} else f"the gateway answers {status}"


def heartbeat(part: str) -> str | None:
    """Return what is wrong with the process of Airflow in this container: its heartbeat is old, or there is none."""
    import psycopg2

    connection = psycopg2.connect(
        host="postgres", user="airflow", dbname="airflow", password=_secret("postgres_password"), connect_timeout=5
    )
    query = (
        "select extract(epoch from now() - max(latest_heartbeat)) from job"
        " where job_type = %s and state = 'running' and hostname = %s"
    )
    with connection, connection.cursor() as cursor:
        cursor.execute(query, (JOB_TYPES[part], socket.gethostname()))
        row = cursor.fetchone()
    connection.close()
    age = row[0] if row else None
    if age is None:
        return f"{part} has sent no heartbeat"
    return None if age < OLDEST_HEARTBEAT_S else f"the last heartbeat of {part} is {age:.0f} s old"


def worker() -> str | None:
    """Return what is wrong with the Celery worker of this container: it does not answer through Redis."""
    from celery import Celery

    name = f"celery@{socket.gethostname()}"
    app = Celery(broker=f"redis://:{_secret('redis_password')}@redis:6379/0")
    return None if app.control.ping(destination=[name], timeout=TIMEOUT_S, limit=1) else f"{name} does not answer"


CHECKS: Mapping[str, Callable[[], str | None]] = {
    "api-server": api_server,
    "gateway": gateway,
    "worker": worker,
    **{part: (lambda part=part: heartbeat(part)) for part in JOB_TYPES},  # type: ignore[misc]
}


def _get(url: str) -> tuple[int, bytes]:
    try:
        with _OPENER.open(url, timeout=TIMEOUT_S) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        return error.code, b""


def _secret(name: str) -> str:
    return Path("/run/secrets", name).read_text(encoding="utf-8").strip()


def main(arguments: list[str]) -> int:
    """Print what is wrong; 1 if something is."""
    try:
        wrong = CHECKS[arguments[0]]()
    except Exception as error:  # a check that fails in any way is a failed check
        wrong = f"{type(error).__name__}: {error}"
    if wrong:
        print(wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
