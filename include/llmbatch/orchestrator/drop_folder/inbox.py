"""What an inbox holds: the inputs that may start a job, and the objects that cannot.

An object directly in the inbox is one input. A folder in it is one input once it has a marker: ``_SUCCESS``, or
``.llmbatch.yaml`` with its options. Objects and folders whose names begin with ``_`` or ``.`` are no input.

The store shows an object when its upload is complete, so a half-uploaded object is never seen.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from llmbatch.core.store import ObjectInfo

SIDECAR = ".llmbatch.yaml"
"""Ending of the object with the options of an input; in a folder its whole name."""
MARKERS = ("_SUCCESS", SIDECAR)
UNFINISHED = (".part", ".partial", ".filepart", ".tmp", ".crdownload")
"""Endings that programs give to what they rename after the upload."""
GRACE = timedelta(minutes=10)
"""How long an empty object may wait for its content, and a sidecar for its object."""

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Drop:
    """One input in one version.

    Attributes:
        inbox: the inbox's address, without a slash at its end.
        source: address of the object, or of the folder with a slash at its end: the ``input_uri`` of the job.
        etag: the object's ETag; of a folder, a digest of the keys and ETags of its objects without markers.
        size: bytes of the object; 0 for a folder.
        modified: when the newest part of it was written, by the store's clock.
        companions: sidecar or markers, which move with it.
    """

    inbox: str
    source: str
    etag: str
    size: int
    modified: datetime
    companions: tuple[ObjectInfo, ...] = ()

    @property
    def is_folder(self) -> bool:
        """Whether the input is a folder."""
        return self.source.endswith("/")

    @property
    def options(self) -> ObjectInfo | None:
        """The object with its options."""
        return next((each for each in self.companions if each.uri.endswith(SIDECAR)), None)

    @property
    def drop_id(self) -> str:
        """16 hex digits, always the same for one address and ETag."""
        return hashlib.sha256(json.dumps([self.source, self.etag]).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Stray:
    """An object that cannot start a job, and why."""

    drop: Drop
    reason: str


@dataclass(frozen=True)
class Inbox:
    """An inbox at one time; the oldest inputs first."""

    drops: tuple[Drop, ...] = ()
    strays: tuple[Stray, ...] = ()
    unmarked: tuple[str, ...] = ()
    """Folders older than ``GRACE`` that wait for a marker."""


@dataclass
class _Folder:
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)
    modified: datetime = _LONG_AGO
    markers: list[ObjectInfo] = field(default_factory=list)


def read_inbox(uri: str, objects: Iterable[ObjectInfo], now: datetime) -> Inbox:
    """Sort the objects of an inbox.

    Args:
        uri: the inbox, without a slash at its end.
        objects: everything under it, in the order of the keys.
        now: the time, for what has waited for longer than ``GRACE``.
    """
    files: dict[str, ObjectInfo] = {}
    folders: dict[str, _Folder] = {}
    for info in objects:
        name, slash, rest = info.uri.removeprefix(f"{uri}/").partition("/")
        if not name or name.startswith(("_", ".")):
            continue
        if slash and rest:
            _add(folders.setdefault(name, _Folder()), rest, info)
        elif not slash and not name.endswith(UNFINISHED):
            files[name] = info
    drops = [_file(uri, info, files) for name, info in files.items() if info.size and not name.endswith(SIDECAR)]
    drops += [_marked(uri, name, folder) for name, folder in folders.items() if folder.markers]
    old = now - GRACE
    return Inbox(
        drops=tuple(sorted(drops, key=lambda drop: (drop.modified, drop.source))),
        strays=tuple(_strays(uri, files, old)),
        unmarked=tuple(
            f"{uri}/{name}/" for name, folder in folders.items() if not folder.markers and folder.modified < old
        ),
    )


def _add(folder: _Folder, name: str, info: ObjectInfo) -> None:
    folder.modified = max(folder.modified, info.modified or _LONG_AGO)
    if name in MARKERS:
        folder.markers.append(info)
    else:
        folder.digest.update(json.dumps([name, info.etag]).encode())


def _file(uri: str, info: ObjectInfo, files: dict[str, ObjectInfo]) -> Drop:
    sidecar = files.get(f"{info.uri.removeprefix(f'{uri}/')}{SIDECAR}")
    return Drop(uri, info.uri, info.etag, info.size, info.modified or _LONG_AGO, (sidecar,) if sidecar else ())


def _marked(uri: str, name: str, folder: _Folder) -> Drop:
    digest = folder.digest.hexdigest()[:32]
    return Drop(uri, f"{uri}/{name}/", digest, 0, folder.modified, tuple(folder.markers))


def _strays(uri: str, files: dict[str, ObjectInfo], old: datetime) -> Iterable[Stray]:
    for name, info in files.items():
        if (info.modified or _LONG_AGO) >= old:
            continue
        if name.endswith(SIDECAR):
            if name.removesuffix(SIDECAR) not in files:
                yield Stray(
                    _file(uri, info, {}),
                    f"There is no object {name.removesuffix(SIDECAR)!r} beside these options. Upload the options first "
                    "and then the object; later options have no effect.",
                )
        elif not info.size:
            yield Stray(_file(uri, info, files), "The object is empty. Upload its rows, then put it back.")
