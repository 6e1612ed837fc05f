"""Which objects an ``input_uri`` names: one object, a prefix that ends in ``/``, or a glob."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from itertools import islice

from llmbatch.core.errors import ObjectMissing, RequestError
from llmbatch.core.job_spec import InputObject
from llmbatch.core.layout import split_uri
from llmbatch.core.store import ObjectInfo, ObjectStore

MAX_OBJECTS = 100_000
_GLOB = re.compile(r"[*?\[]")
_NEIGHBOURS = 200


def list_inputs(input_uri: str, store: ObjectStore) -> tuple[InputObject, ...]:
    """Return the objects in key order, each in its current version.

    ``*`` and ``?`` stay within one folder, ``**`` crosses folders, ``[abc]`` is a set. Under a prefix, names that begin
    with ``_`` or ``.`` (markers such as ``_SUCCESS``) and empty objects are not input.

    Raises:
        RequestError: naming ``input_uri``: its bucket does not exist, or it names no, only empty, or too many objects.
    """
    bucket, key = split_uri(input_uri)
    is_glob = bool(_GLOB.search(key))
    if not is_glob and key and not key.endswith("/"):
        return (_one(input_uri, store),)
    found = _under(f"s3://{bucket}/{_GLOB.split(key, maxsplit=1)[0]}", store)
    if is_glob:
        pattern = _pattern(input_uri, key)
        found = (info for info in found if pattern.fullmatch(split_uri(info.uri)[1]))
    named = list(islice((info for info in found if _is_data(info.uri)), MAX_OBJECTS + 1))
    if len(named) > MAX_OBJECTS:
        raise RequestError("input_uri", f"{input_uri} names more than {MAX_OBJECTS} objects", "Split the job.")
    if not named:
        raise RequestError("input_uri", f"{input_uri} names no object", _hint(bucket, key, store))
    return _filled(input_uri, named)


def covers(input_uri: str, uri: str) -> bool:
    """Whether ``list_inputs`` would read an object at this address."""
    (bucket, key), (other, name) = split_uri(input_uri), split_uri(uri)
    if bucket != other:
        return False
    if _GLOB.search(key):
        is_named = _pattern(input_uri, key).fullmatch(name) is not None
    else:
        is_named = name.startswith(key) if not key or key.endswith("/") else name == key
    return is_named and _is_data(uri)


def searched_folder(input_uri: str) -> str:
    """Return the address itself, or of a glob the folder that holds everything that it can match."""
    bucket, key = split_uri(input_uri)
    return f"s3://{bucket}/{_GLOB.split(key, maxsplit=1)[0].rpartition('/')[0]}" if _GLOB.search(key) else input_uri


def _one(uri: str, store: ObjectStore) -> InputObject:
    try:
        info = store.head(uri)
    except ObjectMissing:
        bucket, key = split_uri(uri)
        raise RequestError("input_uri", f"{uri} does not exist", _hint(bucket, key, store)) from None
    return _filled(uri, [info])[0]


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
    folder = _GLOB.split(key, maxsplit=1)[0].rpartition("/")[0]
    start = f"s3://{bucket}/{folder}/" if folder else f"s3://{bucket}/"
    keys = [split_uri(info.uri)[1] for info in islice(_under(start, store), _NEIGHBOURS)]
    if key and any(name.startswith(f"{key}/") for name in keys):
        return f"To read everything under it, end the prefix with a slash: s3://{bucket}/{key}/"
    near = difflib.get_close_matches(key, keys, n=3, cutoff=0.5)
    shown = ", ".join(f"s3://{bucket}/{name}" for name in near)
    return f"Did you mean {shown}?" if near else f"Upload the input under {start} or correct input_uri."


def _is_data(uri: str) -> bool:
    name = uri.rsplit("/", 1)[-1]
    return bool(name) and not name.startswith(("_", "."))


def _pattern(uri: str, key: str) -> re.Pattern[str]:
    try:
        return re.compile(_regex(key))
    except re.error as error:
        raise RequestError(
            "input_uri", f"{uri} is not a valid glob: {error}", "Write a set as [abc] or [a-z], in ascending order."
        ) from None


def _regex(pattern: str) -> str:
    """Translate a glob over keys. ``a/*.csv`` matches ``a/b.csv``, not ``a/b/c.csv``; ``a/**`` matches both."""
    parts: list[str] = []
    for token in re.findall(r"\*\*/|\*\*|\*|\?|\[!?\]?[^\]]*\]|.", pattern, flags=re.DOTALL):
        if token == "**/":
            parts.append("(?:.*/)?")
        elif token == "**":
            parts.append(".*")
        elif token == "*":
            parts.append("[^/]*")
        elif token == "?":
            parts.append("[^/]")
        elif len(token) > 1:
            inside = re.sub(r"([\\\[&~|])", r"\\\1", token[1:-1])
            parts.append(f"[^{inside[1:]}]" if inside.startswith("!") else f"[{inside}]")
        else:
            parts.append(re.escape(token))
    return "".join(parts)
