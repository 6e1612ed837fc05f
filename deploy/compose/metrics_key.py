"""Make the API key by which Prometheus reads the gateway, and print it: ``metrics_key.py <airflow_admin_password``.

Runs in the container of the gateway; ``make-metrics-key.sh`` calls it.
"""

from __future__ import annotations

import json
import sys
import urllib.request

AIRFLOW = "http://airflow-api-server:8080"
GATEWAY = "http://127.0.0.1:8000"
TIMEOUT_S = 60
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def post(url: str, body: dict[str, str], token: str | None = None) -> dict[str, object]:
    """Return the answer, a JSON object. Raises ``OSError`` for a status other than 2xx."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")
    with _OPENER.open(request, timeout=TIMEOUT_S) as reply:
        answer: dict[str, object] = json.load(reply)
    return answer


def main() -> int:
    """Log in with the password on standard input, and make a key for as long as ``gateway.key_days`` allows."""
    password = sys.stdin.read().strip()
    try:
        login = post(f"{AIRFLOW}/auth/token", {"username": "admin", "password": password})
        key = post(f"{GATEWAY}/keys", {"name": "Prometheus"}, str(login["access_token"]))
    except OSError as error:
        print(f"no key: {error}", file=sys.stderr)
        return 1
    print(key["key"], end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
