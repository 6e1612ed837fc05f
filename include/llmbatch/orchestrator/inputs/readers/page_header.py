"""The header of a Parquet page: what its data takes when it is decompressed.

Parquet's footer repeats these figures for whole columns, and no library compares the two. A decoder allocates what the
page header says, so that is what must be checked. The header is a Thrift struct in the compact protocol.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

DELTA_BYTE_ARRAY = 7
"""The encoding that stores a text as a prefix of the one before and the rest: small pages with large values."""

_DICTIONARY_PAGE = 2
_TYPE, _PLAIN_BYTES, _STORED_BYTES = 1, 2, 3
_OF_PAGE = {5: 2, 7: 2, 8: 4}
"""The fields with the header of a data page, a dictionary page, a data page of version 2: where its encoding is."""

_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 12
_INTEGERS = frozenset({4, 5, 6})
_MAX_DEPTH = 8
_MAX_VALUES = 1000

ReadAt = Callable[[int, int], bytes]
"""Returns so many bytes from an offset, fewer at the end of the file."""


class PageHeader(NamedTuple):
    """One page. Sizes in bytes; ``end`` is the offset at which its stored data begins."""

    is_dictionary: bool
    plain_bytes: int
    stored_bytes: int
    values: int
    encoding: int
    end: int


def read_page_header(read: ReadAt, offset: int) -> PageHeader:
    """Return the page header at the offset.

    Raises:
        ValueError: there is no page header.
    """
    parser = _Compact(read, offset)
    fields = parser.struct(0)
    inner = next(((fields[name], encoding) for name, encoding in _OF_PAGE.items() if name in fields), None)
    page, at = inner if inner is not None else ({}, 2)
    if not isinstance(page, dict):
        raise ValueError("no page header")  # noqa: TRY004 - the data is wrong, not the caller
    numbers = [fields.get(_TYPE), fields.get(_PLAIN_BYTES), fields.get(_STORED_BYTES), page.get(1, 0), page.get(at, 0)]
    kind, plain, stored, values, encoding = (number if isinstance(number, int) else -1 for number in numbers)
    if min(kind, plain, stored, values, encoding) < 0:
        raise ValueError("no page header")
    return PageHeader(kind == _DICTIONARY_PAGE, plain, stored, values, encoding, parser.offset)


_Fields = dict[int, object]


class _Compact:
    """Reads a Thrift struct: integers and structs are returned, everything else is skipped."""

    def __init__(self, read: ReadAt, offset: int) -> None:
        self._read = read
        self.offset = offset
        self._values = 0

    def struct(self, depth: int) -> _Fields:
        fields: _Fields = {}
        name = 0
        while head := self._byte():
            name = name + (head >> 4) if head >> 4 else self._zigzag()
            fields[name] = self._value(head & 15, depth, in_list=False)
        return fields

    def _value(self, kind: int, depth: int, *, in_list: bool) -> object:
        self._values += 1
        if depth > _MAX_DEPTH or self._values > _MAX_VALUES:
            raise ValueError("no page header: it has too many values")
        if kind in {_TRUE, _FALSE}:
            self.offset += in_list
        elif kind in _INTEGERS:
            return self._zigzag()
        elif kind == _STRUCT:
            return self.struct(depth + 1)
        elif kind in {_BYTE, _DOUBLE}:
            self.offset += 1 if kind == _BYTE else 8
        elif kind == _BINARY:
            size = self._varint()
            self.offset += size
        elif kind in {_LIST, _SET}:
            head = self._byte()
            for _ in range(head >> 4 if head >> 4 < 15 else self._varint()):
                self._value(head & 15, depth + 1, in_list=True)
        else:
            raise ValueError("no page header: unknown type")
        return None

    def _zigzag(self) -> int:
        number = self._varint()
        return (number >> 1) ^ -(number & 1)

    def _varint(self) -> int:
        number = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            number |= (byte & 127) << shift
            if byte < 128:
                return number
        raise ValueError("no page header: a number is too long")

    def _byte(self) -> int:
        data = self._read(self.offset, 1)
        if not data:
            raise ValueError("no page header: the file ends")
        self.offset += 1
        return data[0]
