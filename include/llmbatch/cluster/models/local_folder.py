"""Models and adapters in folders of this node."""

from __future__ import annotations

from pathlib import Path

from llmbatch.core.errors import ModelError


def is_path(uri: str) -> bool:
    """Whether an address is a path: it looks like one, or this node has such a folder."""
    return uri.startswith(("/", "./", "../", "~")) or Path(uri).is_dir()


def local_folder(uri: str) -> Path:
    """Return the folder. Raises ``ModelError`` if this node has none."""
    folder = Path(uri).expanduser()
    if not folder.is_dir():
        raise ModelError(f"model {uri}: this node has no such folder")
    return folder
