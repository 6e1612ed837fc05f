"""Which objects an ``input_uri`` names: one object, a prefix that ends in ``/``, or a glob."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from itertools import islice

from llmbatch.core.errors import ObjectMissing, RequestError
from llmbatch.core.job_spec import InputObject
from llmbatch.core.layout import split_uri
from llmbatch.core.store import ObjectInfo, ObjectStore
from llmbatch.orchestrator.inputs.key_glob import KeyGlob, is_glob, literal_start

MAX_OBJECTS = 100_000
_NEIGHBOURS = 200


def list_inputs(input_uri: str, store: ObjectStore) -> tuple[InputObject, ...]:
    """Return the objects in key order, each in its current version.

    ``*`` and ``?`` stay within one folder, ``**`` crosses folders, ``[abc]`` is a set; an object whose key is exactly
    that text wins over the glob. Under a prefix or a glob, names and folders that begin with ``_`` or ``.`` (such as
    ``_SUCCESS`` and ``_temporary/``) are not input, except folders of the form ``name=value``; nor are empty objects.

    Raises:
        RequestError: naming ``input_uri``: its bucket does not exist, or it names no, only empty, or too many objects.
    """
    bucket, key = split_uri(input_uri)
    if key and not key.endswith("/"):
        one = _one(input_uri, store)
        if one is not None:
            return _filled(input_uri, [one])
    # A prefix is never a glob: what ends in a slash names no object, and a folder's name may hold brackets.
    wildcards = is_glob(key) and not key.endswith("/")
    prefix = literal_start(key) if wildcards else key
    found = _under(f"s3://{bucket}/{prefix}", store)
    if wildcards:
        glob = _glob(input_uri, key)
        found = (info for info in found if glob.matches(split_uri(info.uri)[1]))
    hidden = _Hidden(f"s3://{bucket}/{prefix.rpartition('/')[0]}")
    named = list(islice((info for info in found if hidden.passes(info.uri)), MAX_OBJECTS + 1))
    if len(named) > MAX_OBJECTS:
        raise RequestError("input_uri", f"{input_uri} names more than {MAX_OBJECTS} objects", "Split the job.")
    if not named:
        raise RequestError("input_uri", f"{input_uri} names no object", hidden.hint or _hint(bucket, key, store))
    return _filled(input_uri, named)


def covers(input_uri: str, uri: str) -> bool:
    """Whether ``list_inputs`` would read an object at this address."""
    (bucket, key), (other, name) = split_uri(input_uri), split_uri(uri)
    if bucket != other:
        return False
    if key.endswith("/") or not key:
        return name.startswith(key) and _Hidden(f"s3://{bucket}/{key.rpartition('/')[0]}").passes(uri)
    if name == key or not is_glob(key):
        return name == key
    hidden = _Hidden(searched_folder(input_uri))
    return _glob(input_uri, key).matches(name) and hidden.passes(uri)


def searched_folder(input_uri: str) -> str:
    """Return the address itself, or of a glob the folder that holds everything that it can match."""
    bucket, key = split_uri(input_uri)
    is_pattern = is_glob(key) and not key.endswith("/")
    return f"s3://{bucket}/{literal_start(key).rpartition('/')[0]}" if is_pattern else input_uri


def _one(uri: str, store: ObjectStore) -> ObjectInfo | None:
    """Return the object of exactly that address; None if there is none and the address may be a glob."""
    try:
        return store.head(uri)
    except ObjectMissing:
        bucket, key = split_uri(uri)
        if is_glob(key):
            return None
        raise RequestError("input_uri", f"{uri} does not exist", _hint(bucket, key, store)) from None


def _filled(uri: str, infos: Iterable[ObjectInfo]) -> tuple[InputObject, ...]:
    objects = tuple(InputObject(uri=info.uri, etag=info.etag, size=info.size) for info in infos if info.size)
    if not objects:
        raise RequestError("input_uri", f"{uri} is empty", "Upload the rows first, then start the job.")
    return objects


def _under(prefix: str, store: ObjectStore) -> Iterator[ObjectInfo]:
    try:
        yield from store.list(prefix)
    except ObjectMissing:
        raise _no_bucket(split_uri(prefix)[0]) from None


def _no_bucket(bucket: str) -> RequestError:
    return RequestError(
        "input_uri", f"there is no bucket {bucket!r}", "Create it or correct the name after s3:// in input_uri."
    )


def _hint(bucket: str, key: str, store: ObjectStore) -> str:
    """Return the fix, with the nearest keys that exist."""
    if is_glob(key) and key.endswith("/"):
        return f"For the folders that match a glob, end it with /**: s3://{bucket}/{key}**"
    folder = literal_start(key).rpartition("/")[0]
    start = f"s3://{bucket}/{folder}/" if folder else f"s3://{bucket}/"
    keys = [split_uri(info.uri)[1] for info in islice(_under(start, store), _NEIGHBOURS)]
    if key and any(name.startswith(f"{key}/") for name in keys):
        return f"To read everything under it, end the prefix with a slash: s3://{bucket}/{key}/"
    near = difflib.get_close_matches(key, keys, n=3, cutoff=0.5)
    shown = ", ".join(f"s3://{bucket}/{name}" for name in near)
    return f"Did you mean {shown}?" if near else f"Upload the input under {start} or correct input_uri."


class _Hidden:
    """Skips names and folders below a prefix that begin with ``_`` or ``.``, and keeps one for the hint."""

    def __init__(self, prefix: str) -> None:
        self._prefix = f"{prefix.rstrip('/')}/"
        self._example: str | None = None

    def passes(self, uri: str) -> bool:
        """Return whether the object is data."""
        *folders, name = uri.removeprefix(self._prefix).split("/")
        if not name:
            return False
        if name.startswith(("_", ".")) or any(part.startswith(("_", ".")) and "=" not in part for part in folders):
            self._example = uri
            return False
        return True

    @property
    def hint(self) -> str | None:
        """The fix if objects were skipped."""
        return self._example and (
            f"Objects and folders whose names begin with _ or . are skipped, such as {self._example}. To read them, "
            "name their folder before any wildcard, or rename them."
        )


def _glob(uri: str, key: str) -> KeyGlob:
    try:
        return KeyGlob(key)
    except ValueError as error:
        raise RequestError(
            "input_uri", f"{uri} is not a valid glob: {error}", "Write a set as [abc] or [a-z], in ascending order."
        ) from None
