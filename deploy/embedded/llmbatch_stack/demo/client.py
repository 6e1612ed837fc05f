"""The stack's gateway as ``bin/llmbatch`` and the demo use it: an API key of the stack's admin in ``client.toml``."""

from __future__ import annotations

import uuid
from pathlib import Path

from pydantic import JsonValue

from llmbatch.cli.client.airflow_token import MOUNTED_AT, as_user
from llmbatch.cli.client.answers import NewKey, Started, read
from llmbatch.cli.client.config import FILE_VARIABLE, ClientConfig, load, save
from llmbatch.cli.client.exits import CommandError, Exit
from llmbatch.cli.client.session import Session
from llmbatch_stack.credentials import Credentials
from llmbatch_stack.settings import Settings

KEY_NAME = "bin/llmbatch of the embedded stack"


def client_file(settings: Settings) -> Path:
    """Return the file that ``bin/llmbatch`` reads."""
    return settings.state / "client.toml"


def configure(settings: Settings, credentials: Credentials, session: Session) -> ClientConfig:
    """Return host and key of the gateway of a running stack; a key that is not valid any more is replaced.

    Raises:
        CommandError: the gateway does not answer, or refuses the stack's own credentials.
    """
    path, host = client_file(settings), f"{settings.airflow_url}{MOUNTED_AT}"
    stored = load({FILE_VARIABLE: str(path)})
    if stored.host == host and _is_valid(stored, session):
        return stored
    with as_user(session, host, None, credentials.airflow_user, credentials.airflow_password) as gateway:
        key = read(NewKey, gateway.post("/keys", {"name": KEY_NAME}))
    made = ClientConfig(host, key.key, path)
    save(made)
    return made


def start_job(config: ClientConfig, request: dict[str, JsonValue], session: Session) -> Started:
    """Start a job through the gateway.

    Raises:
        CommandError: as the gateway refuses.
    """
    with session.at(config.host, config.key) as gateway:
        return read(Started, gateway.post("/start", request, {"Idempotency-Key": uuid.uuid4().hex}))


def _is_valid(config: ClientConfig, session: Session) -> bool:
    try:
        with session.at(config.host, config.key) as gateway:
            gateway.get("/jobs", {"limit": 1})
    except CommandError as error:
        if error.exit_code is not Exit.UNAUTHORISED:
            raise
        return False
    return True
