"""The options of a request."""

from __future__ import annotations

import pytest

from llmbatch.core.request_options import Reactions


@pytest.mark.parametrize("allowed", [{"max_replicas": 2}, {"pause_lower_priority": True}, {"max_tokens": 8}])
def test_one_allowed_step_is_enough(allowed: dict[str, object]) -> None:
    assert Reactions().is_empty
    assert not Reactions.model_validate(allowed).is_empty
