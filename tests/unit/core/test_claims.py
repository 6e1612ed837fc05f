"""The fence: numbers only rise, and an earlier generation finds out."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from llmbatch.core.claims import Claim, claim, last_claim, require_latest
from llmbatch.core.errors import Superseded
from llmbatch.core.layout import JobLayout
from llmbatch.core.store import MemoryStore

LAYOUT = JobLayout.of("s3://bucket/base", "job-1")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def take(store: MemoryStore, at_least: int = 1, owner: str = "me") -> int:
    return claim(store, LAYOUT, owner=owner, now=NOW, at_least=at_least).generation


def test_numbers_rise_above_all_and_follow_the_submission() -> None:
    store = MemoryStore()
    assert [take(store), take(store), take(store, 5), take(store, 2)] == [1, 2, 5, 6]
    assert last_claim(store, LAYOUT) == 6
    kept = Claim.model_validate_json(store.get(LAYOUT.claim(5)))
    assert (kept.generation, kept.owner, kept.claimed_at) == (5, "me", NOW)


class BlindStore(MemoryStore):
    """Lists nothing, as a store whose listing lags behind."""

    def list(self, prefix: str):
        return iter(())


def test_two_claims_at_once_get_two_numbers_even_if_the_listing_lags() -> None:
    store = BlindStore()
    assert [take(store), take(store), take(store)] == [1, 2, 3]


@pytest.mark.parametrize(("mine", "superseded"), [(1, True), (2, True), (3, False)])
def test_only_the_last_claim_may_go_on(mine: int, superseded: bool) -> None:
    store = MemoryStore()
    for _ in range(3):
        take(store)
    if superseded:
        with pytest.raises(Superseded, match=f"generation 3 has taken over from generation {mine}"):
            require_latest(store, LAYOUT, "job-1", mine)
    else:
        require_latest(store, LAYOUT, "job-1", mine)


@pytest.mark.parametrize("name", ["", ".DS_Store", "notes.txt", "g00009.json", "old/g00009"])
def test_a_stray_object_among_the_claims_changes_nothing(name: str) -> None:
    store = MemoryStore()
    take(store)
    store.put(f"{LAYOUT.claims}{name}", b"")
    require_latest(store, LAYOUT, "job-1", 1)
    assert (last_claim(store, LAYOUT), take(store)) == (1, 2)
