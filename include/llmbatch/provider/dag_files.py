"""The DAG files that come with llmbatch, and their copies in another folder.

A copy is noted with its hash in a file beside it. So an unchanged copy is replaced by the file of another version, and
a changed one is not, unless it is forced.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import llmbatch

NOTES = ".llmbatch-dags.json"
"""Name and SHA-256 of each copy as it was written."""


class FolderError(Exception):
    """A folder cannot be read or written; the message says which and why."""


class ChangedCopiesError(Exception):
    """Files of the folder are not as they were written, so nothing was done. ``names`` has them."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(", ".join(names))
        self.names = names


@dataclass(frozen=True)
class Installed:
    """What became of each file, by name."""

    written: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    """Copies of files that this version no longer has."""


@dataclass
class _Plan:
    write: list[str] = field(default_factory=list)
    keep: list[str] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)


def packaged_folder() -> Path:
    """Return the folder of the DAG files: in the installed package, else ``dags`` of the checkout."""
    package = Path(llmbatch.__file__).parent
    installed = package / "dags"
    return installed if installed.is_dir() else package.parents[1] / "dags"


def install(folder: Path, *, force: bool = False) -> Installed:
    """Copy the DAG files to ``folder``, which is made if it is missing. If one copy was changed, nothing is written.

    Args:
        folder: a folder from which Airflow reads DAGs.
        force: overwrite files that were changed, or that another program has written.

    Raises:
        ChangedCopiesError: files were changed, and ``force`` is not given.
        FolderError: a file cannot be read or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files = {path.name: path.read_bytes() for path in sorted(packaged_folder().glob("*.py"))}
        plan = _plan(folder, files, _noted(folder))
        if plan.changed and not force:
            raise ChangedCopiesError(tuple(plan.changed))
        plan.write += [name for name in plan.changed if name in files]
        for name in sorted(plan.write):
            _replace(folder / name, files[name])
        for name in plan.remove:
            (folder / name).unlink()
        notes = {name: _hash(content) for name, content in files.items()}
        _replace(folder / NOTES, json.dumps(notes, indent=2).encode() + b"\n")
    except OSError as error:
        raise FolderError(f"{error.filename or folder}: {error.strerror or error}") from error
    return Installed(tuple(sorted(plan.write)), tuple(plan.keep), tuple(plan.remove))


def _plan(folder: Path, files: Mapping[str, bytes], noted: Mapping[str, str]) -> _Plan:
    plan = _Plan()
    for name, content in files.items():
        found = _found(folder / name)
        if found is None:
            plan.write.append(name)
        elif found == _hash(content):
            plan.keep.append(name)
        else:
            (plan.write if found == noted.get(name) else plan.changed).append(name)
    for name in _gone(files, noted):
        found = _found(folder / name)
        if found is not None and found == noted[name]:
            plan.remove.append(name)
    return plan


def _gone(files: Mapping[str, bytes], noted: Mapping[str, str]) -> Iterator[str]:
    """Yield the names that an earlier version wrote; only plain names, for the notes may have been edited."""
    return (name for name in noted if name not in files and Path(name).name == name)


def _noted(folder: Path) -> dict[str, str]:
    try:
        notes = json.loads((folder / NOTES).read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return {str(name): str(digest) for name, digest in notes.items()} if isinstance(notes, dict) else {}


def _found(path: Path) -> str | None:
    try:
        return _hash(path.read_bytes())
    except FileNotFoundError:
        return None


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _replace(path: Path, content: bytes) -> None:
    """Write a file so that Airflow, which may read the folder now, never sees half of it."""
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(content)
    part.replace(path)
