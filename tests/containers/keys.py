"""API keys of the gateway, made with the login of Airflow's admin."""

from __future__ import annotations

import httpx


def api_key(password: str, name: str) -> str:
    """Log in to Airflow as the admin, and make an API key of this name at the gateway."""
    login = {"username": "admin", "password": password}
    token = httpx.post("http://127.0.0.1:8080/auth/token", json=login, timeout=60).raise_for_status()
    headers = {"Authorization": f"Bearer {token.json()['access_token']}"}
    key = httpx.post("http://127.0.0.1:8000/keys", json={"name": name}, headers=headers, timeout=60)
    return str(key.raise_for_status().json()["key"])
