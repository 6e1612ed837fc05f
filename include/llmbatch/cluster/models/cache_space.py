"""The size bound of the model cache: models that were used least recently make room, never one in use."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

from llmbatch.cluster.models.lease import last_use, unused
from llmbatch.core.errors import ModelError

BOUND_ENV = "LLMBATCH_MODEL_CACHE_GIB"
DEFAULT_SHARE = 0.5
"""Part of the file system that the cache may fill without ``LLMBATCH_MODEL_CACHE_GIB``."""
_GIB = 2**30

_log = logging.getLogger(__name__)


def make_room(root: Path, size: int, keep: Path) -> None:
    """Remove models from ``root`` until ``size`` more bytes fit into the bound, or all that are left are in use.

    What a process that died left half built is removed, too.

    Args:
        root: folder of the cached models.
        size: bytes of the model that arrives.
        keep: folder of that model.

    Raises:
        ModelError: ``LLMBATCH_MODEL_CACHE_GIB`` is not a positive number.
    """
    bound = _bound(root)
    for partial in root.glob(".*.partial"):
        with unused(root / partial.name.removeprefix(".").removesuffix(".partial")) as is_unused:
            if is_unused:
                shutil.rmtree(partial, ignore_errors=True)
    folders = [path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".") and path != keep]
    sizes = {path: _size(path) for path in folders}
    over = sum(sizes.values()) + size - bound
    for folder in sorted(folders, key=last_use):
        if over <= 0:
            return
        with unused(folder) as is_unused:
            if is_unused:
                shutil.rmtree(folder, ignore_errors=True)
                over -= sizes[folder]
                _log.info("event=model_evicted model=%s bytes=%d", folder.name, sizes[folder])
    if over > 0:
        _log.warning(
            "event=model_cache_full folder=%s bound_bytes=%d over_bytes=%d reason=in_use",
            root,
            bound,
            over,
        )


def _bound(root: Path) -> int:
    """Return the most bytes that the cache may have."""
    text = os.environ.get(BOUND_ENV)
    if not text:
        return int(shutil.disk_usage(root).total * DEFAULT_SHARE)
    try:
        gib = float(text)
    except ValueError:
        gib = 0.0
    if not gib > 0:
        raise ModelError(f"{BOUND_ENV}={text!r} is not a positive number of GiB")
    return int(gib * _GIB)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
