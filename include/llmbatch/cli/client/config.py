"""Where the gateway is and what authenticates the user: a file of mode 0600, and two variables that win over it."""

from __future__ import annotations

import json
import os
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from llmbatch.cli.client.exits import CommandError, Exit

HOST_VARIABLE, KEY_VARIABLE, FILE_VARIABLE = "LLMBATCH_HOST", "LLMBATCH_API_KEY", "LLMBATCH_CLIENT_CONFIG"
FIELDS = ("host", "key")


@dataclass(frozen=True)
class ClientConfig:
    """Address and credential of one gateway.

    Attributes:
        host: address, such as ``https://airflow.example.com/llmbatch``; empty if none is set.
        key: API key, or a token of Airflow; empty if none is set. Never printed.
        path: the file that holds them, which may be absent.
    """

    host: str
    key: str
    path: Path

    def __repr__(self) -> str:
        return f"ClientConfig(host={self.host!r}, path={str(self.path)!r})"


def config_path(environ: Mapping[str, str]) -> Path:
    """Return the path of the file: ``LLMBATCH_CLIENT_CONFIG``, or ``llmbatch/config.toml`` in the user's XDG folder."""
    if environ.get(FILE_VARIABLE):
        return Path(environ[FILE_VARIABLE]).expanduser()
    folder = environ.get("XDG_CONFIG_HOME")
    return (Path(folder) if folder else Path("~/.config").expanduser()) / "llmbatch" / "config.toml"


def load(environ: Mapping[str, str]) -> ClientConfig:
    """Read the file, then the variables ``LLMBATCH_HOST`` and ``LLMBATCH_API_KEY``.

    A key of the file is not used for another host that the variable names: it would be sent to a foreign server.

    Raises:
        CommandError: the file is not readable, or has another field than ``host`` and ``key``.
    """
    path = config_path(environ)
    stored = _read(path)
    given = environ.get(HOST_VARIABLE, "").strip().rstrip("/")
    host = given or stored.get("host", "").rstrip("/")
    is_same = host == stored.get("host", "").rstrip("/")
    key = environ.get(KEY_VARIABLE, "").strip() or (stored.get("key", "") if is_same else "")
    return ClientConfig(host, key, path)


def save(config: ClientConfig) -> None:
    """Write the file with mode 0600, replacing an earlier one at once."""
    config.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    text = f"host = {json.dumps(config.host)}\nkey = {json.dumps(config.key)}\n"
    descriptor, name = tempfile.mkstemp(dir=config.path.parent, prefix=config.path.name)  # has mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write(text)
        Path(name).replace(config.path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def checked_host(text: str) -> str:
    """Return the address of a gateway without a final slash.

    Raises:
        CommandError: it is not an http or https address.
    """
    host = text.strip().rstrip("/")
    parts = urlsplit(host)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        example = "https://airflow.example.com/llmbatch"
        raise CommandError(f"host {text!r} is not an http or https address. Give one such as {example}.", Exit.USAGE)
    return host


def _read(path: Path) -> dict[str, str]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not valid TOML"
        raise CommandError(
            f"{path} is not readable: {reason}. Correct it, or run `llmbatch login`.", Exit.USAGE
        ) from None
    wrong = next((name for name, value in found.items() if name not in FIELDS or not isinstance(value, str)), None)
    if wrong is not None:
        raise CommandError(f"{path}: {wrong} is not one of the texts {', '.join(FIELDS)}. Correct it.", Exit.USAGE)
    return {str(name): str(value) for name, value in found.items()}
