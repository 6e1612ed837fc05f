"""Where the body of a request has media, and how another address is put there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

from llmbatch.core.errors import RowError
from llmbatch.core.states import ErrorClass

Kind = Literal["image", "audio", "video"]
Path = tuple[str | int, ...]

_KINDS: dict[str, Kind] = {"image_url": "image", "input_audio": "audio", "audio_url": "audio", "video_url": "video"}
_FILE = "file_url"
_HOLDERS = ("messages", "input", "query", "queries", "documents", "items", "data_1", "data_2")
"""Keys of a body whose values have contents: messages, the input of a response, what is scored."""
_CONTENTS = ("content", "output")


@dataclass(frozen=True, slots=True)
class Media:
    """One image, clip or film of a request.

    Attributes:
        path: keys and indexes that lead to the value, from the body on.
        kind: what it is.
        address: a URL; of an ``input_audio``, which has no address, the same data as a ``data:`` URL.
        stays: whether the value holds the data already, in the form that the engine takes.
        wrapped: whether the engine wants an object with a ``url`` where the row has the bare address.
    """

    path: Path
    kind: Kind
    address: str
    stays: bool
    wrapped: bool = False

    @property
    def where(self) -> str:
        """Name the place as a user would write it: ``messages[0].content[1].image_url.url``."""
        return named(self.path)

    def value(self, url: str) -> JsonValue:
        """Return what the place holds once the data is in the body."""
        return {"url": url} if self.wrapped else url

    def refused(self, problem: str, fix: str) -> RowError:
        """Return the error of a row whose media cannot be used. Neither text may hold any of the data."""
        return RowError(ErrorClass.INVALID, f"{self.where}: {problem}. {fix}")


def named(path: Path) -> str:
    """Write a path with dots and brackets."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path).removeprefix(".")


def media_of(body: Mapping[str, JsonValue]) -> tuple[list[Media], list[Path]]:
    """Return the media of a body, and the paths of the ``uuid`` keys that are beside them.

    Raises:
        RowError: INVALID, a part names its media by a ``uuid`` only.
    """
    found: list[Media] = []
    labels: list[Path] = []
    address = body.get(_FILE)
    if isinstance(address, str):
        found.append(Media((_FILE,), "audio", address, stays=_is_data(address)))
    for path, part in _parts(body):
        has_label = part.get("uuid") is not None
        if has_label:
            labels.append((*path, "uuid"))
        for key in part.keys() & _KINDS:
            media = _of_part(path, part, key)
            if media is not None:
                found.append(media)
            elif has_label:
                raise RowError(
                    ErrorClass.INVALID,
                    f"{named(path)}.uuid: names media that another request brought, and rows share none. "
                    f"Put the media into {key}.",
                )
    return found, labels


def _parts(body: Mapping[str, JsonValue]) -> Iterator[tuple[Path, dict[str, JsonValue]]]:
    for holder in _HOLDERS:
        value = body.get(holder)
        entries: list[tuple[Path, JsonValue]] = [((holder,), value)]
        if isinstance(value, list):
            entries = [((holder, index), entry) for index, entry in enumerate(value)]
        for path, entry in entries:
            if isinstance(entry, dict):
                for key in _CONTENTS:
                    content = entry.get(key)
                    if isinstance(content, dict):
                        yield (*path, key), content
                    elif isinstance(content, list):
                        for index, part in enumerate(content):
                            if isinstance(part, dict):
                                yield (*path, key, index), part


def _of_part(path: Path, part: dict[str, JsonValue], key: str) -> Media | None:
    """Return the media of one key of a part; None if it holds none: then the engine refuses it.

    The engine takes the bare address of an ``image_url`` only beside a ``uuid``, which is dropped.
    """
    value, where = part[key], (*path, key)
    if key == "input_audio":
        data = value.get("data") if isinstance(value, dict) else None
        if not isinstance(data, str) or not data:
            return None
        return Media((*where, "data"), "audio", f"data:audio/any;base64,{data}", stays=True)
    wrapped = not isinstance(value, dict) and part.get("type") != "input_image" and path[-1] != "output"
    address = value
    if isinstance(value, dict):
        address, where = value.get("url"), (*where, "url")
    if not isinstance(address, str) or not address:
        return None
    return Media(where, _KINDS[key], address, stays=_is_data(address) and not wrapped, wrapped=wrapped)


def _is_data(address: str) -> bool:
    return address[:5].lower() == "data:"


def with_values(body: JsonValue, values: Mapping[Path, JsonValue]) -> JsonValue:
    """Return a body with other values at some paths; what is on no path is shared with the body that was given."""
    for path, value in values.items():
        body = _with_value(body, path, value)
    return body


def _with_value(node: JsonValue, path: Path, value: JsonValue) -> JsonValue:
    if not path:
        return value
    key, rest = path[0], path[1:]
    if isinstance(node, dict) and isinstance(key, str):
        return {**node, key: _with_value(node[key], rest, value)}
    if isinstance(node, list) and isinstance(key, int):
        return [*node[:key], _with_value(node[key], rest, value), *node[key + 1 :]]
    raise TypeError(f"{key!r} leads nowhere in a {type(node).__name__}")
