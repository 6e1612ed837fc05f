"""How much memory an Arrow array takes as Python values, computed before there are any."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

_VALUE_BYTES = 64
"""What a Python value takes on average beside its content."""


def decoded_bytes(array: pa.Array, value_bytes: int = _VALUE_BYTES) -> int:
    """Return about how many bytes the values of the array take; a text that a dictionary repeats counts each time.

    ``value_bytes`` is what each value takes beside its content: nothing where the values stay in Arrow.
    """
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    kind = array.type
    if pa.types.is_struct(kind):
        return value_bytes * len(array) + sum(decoded_bytes(field, value_bytes) for field in array.flatten())
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_map(kind):
        first, last = array.offsets[0].as_py(), array.offsets[-1].as_py()
        return value_bytes * len(array) + decoded_bytes(array.values.slice(first, last - first), value_bytes)
    size = int(array.nbytes)
    if pa.types.is_dictionary(kind) and _is_text(kind.value_type):
        size = pc.sum(pc.binary_length(array.dictionary).take(array.indices)).as_py() or 0
    return value_bytes * len(array) + size


def bounded(batch: pa.RecordBatch, most: int) -> Iterator[pa.RecordBatch]:
    """Yield the rows in order, in batches that take at most ``most`` bytes each, or are one row.

    Raises:
        pa.ArrowException: a damaged index points behind its dictionary, which no decoder checks.
    """
    size = sum(decoded_bytes(column) for column in batch.columns)
    if batch.num_rows <= 1 or size <= most:
        yield batch
        return
    half = batch.num_rows // 2
    yield from bounded(batch.slice(0, half), most)
    yield from bounded(batch.slice(half), most)


def _is_text(kind: pa.DataType) -> bool:
    texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    return any(is_kind(kind) for is_kind in texts)
