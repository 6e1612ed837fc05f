"""Secrets of one stack: made once, kept in a file that only its owner can read."""

import base64
import hashlib
import hmac
import json
import os
import secrets
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from llmbatch.core.access import Side
from llmbatch_stack.settings import Settings


class CredentialsError(RuntimeError):
    """The secrets file exists but does not hold what this version needs."""


@dataclass(frozen=True, repr=False)
class S3Key:
    """One key of the object store."""

    access: str
    secret: str


@dataclass(frozen=True, repr=False)
class Credentials:
    """Everything that must not be guessed or printed; `repr` shows none of it.

    The key `s3_access_key` is the operator's: it may do anything. Airflow and Ray have keys of their own.
    """

    s3_access_key: str
    s3_secret_key: str
    ray_token: str
    airflow_user: str
    airflow_password: str
    fernet_key: str
    jwt_secret: str
    api_secret_key: str

    @property
    def s3_operator(self) -> S3Key:
        """The key of the stack itself, of tests and of commands that a person types."""
        return S3Key(self.s3_access_key, self.s3_secret_key)

    def s3_key_of(self, side: Side) -> S3Key:
        """Return the key of Airflow or Ray. It is derived: who has it cannot compute the operator's."""
        secret = hmac.new(self.s3_secret_key.encode(), side.value.encode(), hashlib.sha256).hexdigest()
        return S3Key(f"{self.s3_access_key}{side.value}", secret)


def secrets_file(settings: Settings) -> Path:
    """Return the path of the secrets file."""
    return settings.state / "secrets.json"


def load_or_create(settings: Settings) -> Credentials:
    """Read the secrets, making them on the first call. Two callers at once get the same ones.

    Raises:
        CredentialsError: the file is damaged or from another version; the message names the remedy.
    """
    path = secrets_file(settings)
    if not path.exists():
        _create(path)
    try:
        return Credentials(**json.loads(path.read_text()))
    except (TypeError, ValueError) as error:
        wanted = ", ".join(field.name for field in fields(Credentials))
        message = f"{path} is not usable ({error}); it needs {wanted}. Run `make down`, delete the file, `make up`."
        raise CredentialsError(message) from error


def _create(path: Path) -> None:
    made = Credentials(
        s3_access_key="llmbatch" + secrets.token_hex(6),
        s3_secret_key=secrets.token_hex(24),
        ray_token=secrets.token_hex(32),
        airflow_user="admin",
        airflow_password=secrets.token_urlsafe(15),
        fernet_key=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        jwt_secret=secrets.token_hex(32),
        api_secret_key=secrets.token_hex(32),
    )
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    private = path.with_name(f"{path.name}.{os.getpid()}")
    write_private(private, json.dumps(asdict(made), indent=2) + "\n")
    try:
        # link, not rename: whoever comes second must not replace what the first already uses
        os.link(private, path)
    except FileExistsError:
        pass
    finally:
        private.unlink()


def write_private(path: Path, text: str) -> None:
    """Write `text` to `path` with mode 0600 from its first byte on, replacing what was there."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)
