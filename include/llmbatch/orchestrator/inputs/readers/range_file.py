"""A read-only file over ranged reads of an input object, for formats that seek."""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Callable

from llmbatch.core.job_spec import InputObject
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.inputs.readers.object_stream import read_span

_BLOCK_BYTES = 1024 * 1024
_BLOCKS = 16


class RangeFile(io.RawIOBase):
    """Reads blocks of 1 MiB and caches the last 16, so that columns read in turn do not fetch a block twice.

    ``watch`` is called with offset and size of every read before it; an error of it ends the read. ``failure`` holds
    what a read raised: a format library may wrap it in an error of its own.
    """

    def __init__(self, store: ObjectStore, obj: InputObject) -> None:
        super().__init__()
        self._store, self._obj = store, obj
        self._position = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self.watch: Callable[[int, int], None] | None = None
        self.failure: BaseException | None = None

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the position."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._obj.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        """Read up to ``size`` bytes; all remaining bytes for None or -1."""
        left = max(0, self._obj.size - self._position)
        wanted = left if size is None or size < 0 else min(size, left)
        try:
            if self.watch is not None:
                self.watch(self._position, wanted)
            data = self.peek(self._position, wanted)
        except BaseException as error:
            self.failure = error
            raise
        self._position += len(data)
        return data

    def peek(self, offset: int, size: int) -> bytes:
        """Return up to ``size`` bytes from an offset, fewer at the end; neither watched nor moving the position."""
        end = min(offset + size, self._obj.size)
        parts = []
        while 0 <= offset < end:
            number, start = divmod(offset, _BLOCK_BYTES)
            part = self._block(number)[start : start + end - offset]
            parts.append(part)
            offset += len(part)
        return b"".join(parts)

    def readall(self) -> bytes:
        """Read all remaining bytes."""
        return self.read()

    def readinto(self, buffer: object) -> int:
        """Read into a writable buffer; return how many bytes."""
        view = memoryview(buffer)  # type: ignore[arg-type]  # typeshed's Buffer is not importable at run time
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def _block(self, number: int) -> bytes:
        block = self._blocks.get(number)
        if block is None:
            start = number * _BLOCK_BYTES
            expected = min(_BLOCK_BYTES, self._obj.size - start)
            block = b""
            while len(block) < expected:
                block += read_span(self._store, self._obj, start + len(block), expected - len(block))
            self._blocks[number] = block
            if len(self._blocks) > _BLOCKS:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(number)
        return block
