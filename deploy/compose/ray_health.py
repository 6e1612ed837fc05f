"""Health check of Ray's containers, with the standard library: ``ray_health.py head|worker``.

A node is healthy while its agent says that its raylet lives; the head's dashboard must answer as well, since Airflow
submits jobs to it.
"""

from __future__ import annotations

import os
import sys
import urllib.request
from pathlib import Path

TIMEOUT_S = 5
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def urls(role: str) -> list[str]:
    """Return the addresses that must answer with 200."""
    node = os.environ.get("LLMBATCH_NODE_IP") or "127.0.0.1"
    port = 52365 + int(os.environ.get("LLMBATCH_RAY_PORT_OFFSET") or 0)
    agent = f"http://{node}:{port}/api/local_raylet_healthz"
    return [agent] if role == "worker" else [agent, f"http://{_dashboard()}:8265/api/version"]


def _dashboard() -> str:
    host = os.environ.get("LLMBATCH_DASHBOARD_HOST") or "0.0.0.0"  # nosec B104 # the default of ray-start.sh; nothing is bound here
    return "127.0.0.1" if host == "0.0.0.0" else host  # nosec B104 # as above


def main(arguments: list[str]) -> int:
    """Print what does not answer; 1 if there is any."""
    token = Path(os.environ["RAY_AUTH_TOKEN_PATH"]).read_text(encoding="utf-8").strip()
    for url in urls(arguments[0]):
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
        try:
            _OPENER.open(request, timeout=TIMEOUT_S).close()
        except OSError as error:
            print(f"{url}: {error}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
