"""The scripts and styles of the pages: our own from ``static``, and the bundle that the package plotly brings.

They are served from this process, so a page needs no other host. The digest of all contents is part of their
addresses: a browser may keep them for ever, and a new release is loaded at once.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

PLOTLY = "plotly.min.js"
"""The charts. It is large, so pages load it after their text."""

_HEX = 16
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class Asset:
    """One file, compressed once."""

    gzipped: bytes
    media_type: str


@dataclass(frozen=True)
class Assets:
    """All files by name, and the digest of their contents."""

    digest: str
    by_name: dict[str, Asset]


@cache
def load_assets() -> Assets:
    """Return the assets. Blocks for a second at the first call."""
    bodies = {entry.name: entry.read_bytes() for entry in _sources()}
    digest = hashlib.sha256(b"".join(name.encode() + bodies[name] for name in sorted(bodies))).hexdigest()[:_HEX]
    return Assets(digest, {name: Asset(gzip.compress(body), _type_of(name)) for name, body in bodies.items()})


def _sources() -> list[Traversable]:
    ours = [entry for entry in files("llmbatch.gateway.pages").joinpath("static").iterdir() if entry.is_file()]
    return [*ours, files("plotly").joinpath("package_data", PLOTLY)]


def _type_of(name: str) -> str:
    suffix = name[name.rfind(".") :]
    return _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
