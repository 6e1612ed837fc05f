"""The adopted settings of a model, as they are stored."""

from __future__ import annotations

import pytest

from fakes.tuned import BASE, tuned
from llmbatch.core.errors import StoreDenied
from llmbatch.core.layout import tuned_uri
from llmbatch.core.store import MemoryStore
from llmbatch.core.tuned import read_tuned

URI = tuned_uri(BASE, "small")


def test_it_is_read_as_it_was_written_and_a_model_may_have_none() -> None:
    store = MemoryStore()
    assert read_tuned(BASE, "small", store) is None
    store.put(URI, tuned(batch_size=64).model_dump_json().encode())
    found = read_tuned(BASE, "small", store)
    assert found == tuned(batch_size=64)
    assert found is not None
    assert (found.choice.benchmark_id, found.choice.settings.batch_size) == (found.benchmark_id, 64)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"not JSON", "Invalid JSON"),
        (tuned().model_dump_json().replace('"batch_size":null', '"batch_size":9999').encode(), "settings.batch_size"),
        (b"{}", "model: Field required"),
    ],
)
def test_what_cannot_be_read_counts_as_none_and_is_logged(
    body: bytes, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = MemoryStore()
    store.put(URI, body)
    assert read_tuned(BASE, "small", store) is None
    assert "event=tuned_ignored" in caplog.text
    assert words in caplog.text
    assert URI in caplog.text


def test_a_store_that_refuses_stops_no_job(caplog: pytest.LogCaptureFixture) -> None:
    class Refusing(MemoryStore):
        def get(self, uri: str) -> bytes:
            raise StoreDenied(f"{uri}: no access")

    assert read_tuned(BASE, "small", Refusing()) is None
    assert "no access" in caplog.text
