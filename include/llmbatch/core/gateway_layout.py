"""Addresses of what the HTTP API keeps in the store, built in one place."""

from __future__ import annotations

import hashlib


def service_uri(base: str) -> str:
    """Return where under ``base`` it is noted whether the service admits jobs."""
    return f"{base.rstrip('/')}/service.json"


def gateway_uri(base: str) -> str:
    """Return the folder under ``base`` with what the HTTP API keeps: API keys, files, batches."""
    return f"{base.rstrip('/')}/gateway/"


def all_files_uri(base: str) -> str:
    """Return the folder under ``base`` with a folder of uploaded files for each user."""
    return f"{gateway_uri(base)}files/"


def all_batches_uri(base: str) -> str:
    """Return the folder under ``base`` with a folder of batches for each user."""
    return f"{gateway_uri(base)}batches/"


def batches_shown_uri(base: str) -> str:
    """Return the folder under ``base`` with what clients have seen of each batch."""
    return f"{gateway_uri(base)}batches-shown/"


def keys_uri(base: str) -> str:
    """Return the folder under ``base`` with a document for each API key."""
    return f"{gateway_uri(base)}keys/"


def files_uri(base: str, owner: str) -> str:
    """Return the folder under ``base`` with the uploaded files of a user, which only that user's jobs may read.

    The address hides the user's name.
    """
    return f"{all_files_uri(base)}{_user_folder(owner)}/"


def batches_uri(base: str, owner: str) -> str:
    """Return the folder under ``base`` with a document ``batch_<16 hex digits>.json`` for each batch of a user."""
    return f"{all_batches_uri(base)}{_user_folder(owner)}/"


def _user_folder(owner: str) -> str:
    return hashlib.sha256(owner.encode()).hexdigest()[:32]
