"""Uploads at a time."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from llmbatch.gateway.openai.files_slots import UploadSlots
from llmbatch.gateway.wire.failures import Failure


def refused(slots: UploadSlots, user: str) -> int:
    with pytest.raises(Failure) as found, slots.held(user):
        pass
    assert found.value.headers == {"Retry-After": "5"}
    return found.value.status


def test_a_user_and_all_users_have_a_limit() -> None:
    slots = UploadSlots(most=3, most_each=2)
    with ExitStack() as held:
        for user in ("ada", "ada"):
            held.enter_context(slots.held(user))
        assert refused(slots, "ada") == 429
        held.enter_context(slots.held("bob"))
        assert refused(slots, "bob") == 503
    with slots.held("ada"):
        pass


def test_a_failed_upload_gives_its_slot_back() -> None:
    slots = UploadSlots(most=1, most_each=1)
    for _ in range(3):
        with pytest.raises(ValueError, match="x"), slots.held("ada"):
            raise ValueError("x")
