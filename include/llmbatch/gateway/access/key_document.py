"""An API key as it is stored, and as its owner holds it."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

PREFIX = "llmb_"
"""Start of every API key; no token of Airflow starts so."""

KEY_ID_PATTERN = "[0-9a-f]{16}"
"""Regular expression that a whole key id matches."""

_TEXT = re.compile(rf"{PREFIX}({KEY_ID_PATTERN})_([A-Za-z0-9_-]{{43}})", re.ASCII)


def new_key_id() -> str:
    """Return the id of a new key; it is no secret."""
    return secrets.token_hex(8)


def new_secret() -> str:
    """Return a new secret: 256 random bits as 43 characters."""
    return secrets.token_urlsafe(32)


def text_of(key_id: str, secret: str) -> str:
    """Return the key that a client sends: ``llmb_<key id>_<secret>``."""
    return f"{PREFIX}{key_id}_{secret}"


def split_key(text: str) -> tuple[str, str] | None:
    """Return key id and secret of a key; None if the text is not one."""
    found = _TEXT.fullmatch(text)
    return (found[1], found[2]) if found else None


def digest_of(secret: str) -> str:
    """Return the SHA-256 of a secret, in hex. A slow hash would not help: the secret is random and long."""
    return hashlib.sha256(secret.encode()).hexdigest()


class KeyDocument(BaseModel):
    """What the store has of an API key; the secret cannot be computed from it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = 1
    key_id: Annotated[str, Field(pattern=f"^{KEY_ID_PATTERN}$")]
    name: str
    user: str
    """The Airflow user for whom the key acts."""
    airflow_user: Annotated[dict[str, JsonValue], Field(repr=False)]
    """That user as Airflow's auth manager writes it into a token."""
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$", repr=False)]
    """Digest of the secret."""
    requests_per_minute: Annotated[int, Field(ge=1)] | None = None
    """None: as config.yaml has it when the key is used."""
    made_at: AwareDatetime
    expires_at: AwareDatetime

    def fits(self, secret: str) -> bool:
        """Return whether this is the key's secret, in a time that does not depend on it."""
        return hmac.compare_digest(self.sha256, digest_of(secret))

    def is_expired(self, now: datetime) -> bool:
        """Return whether the key may no longer be used."""
        return now >= self.expires_at
