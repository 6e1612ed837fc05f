"""How much memory rows will take, before they are Python values."""

from __future__ import annotations

import pyarrow as pa
import pytest

from llmbatch.orchestrator.inputs.readers.decoded_size import bounded, decoded_bytes


@pytest.mark.parametrize(
    ("array", "content"),
    [
        (pa.array(["a" * 1000] * 100), 100_000),
        (pa.array(["a" * 1000] * 100).dictionary_encode(), 100_000),
        (pa.array([b"a" * 1000, None] * 50, pa.large_binary()).dictionary_encode(), 50_000),
        (pa.array([["a" * 1000] * 10] * 10), 100_000),
        (pa.array([{"role": "a" * 100, "content": "b" * 900}] * 100), 100_000),
        (pa.array([[("a" * 500, "b" * 500)]] * 100, pa.map_(pa.string(), pa.string())), 100_000),
        (pa.array(range(100), pa.int64()), 800),
        (pa.array([], pa.string()).dictionary_encode(), 0),
        (pa.ExtensionArray.from_storage(pa.json_(), pa.array(["1" * 1000] * 100)), 100_000),
    ],
)
def test_every_use_of_a_text_counts(array: pa.Array, content: int) -> None:
    assert content <= decoded_bytes(array) <= content * 1.4 + 64 * 400
    half = array.slice(0, len(array) // 2)
    assert content // 2 <= decoded_bytes(half) <= content // 2 * 1.4 + 64 * 400


def test_an_index_behind_its_dictionary_is_damage() -> None:
    """Arrow reads what lies behind the dictionary in memory."""
    indices = pa.array([0, 7], pa.int32())
    array = pa.DictionaryArray.from_arrays(indices, ["a"], safe=False)
    for rows in (2, 1):
        with pytest.raises(pa.ArrowIndexError):
            list(bounded(pa.record_batch({"prompt": array.slice(2 - rows)}), 400))


def test_a_batch_is_cut_until_every_piece_fits_or_is_one_row() -> None:
    texts = ["a" * 10, "b" * 5000, "c" * 10, "d" * 10, "e" * 10]
    pieces = list(bounded(pa.record_batch({"prompt": texts}), 400))
    assert [text for piece in pieces for text in piece["prompt"].to_pylist()] == texts
    assert all(piece.num_rows == 1 or decoded_bytes(piece["prompt"]) <= 400 for piece in pieces)
    assert max(piece.num_rows for piece in pieces) > 1
