"""Which generations a request applies to, and what an empty control object means."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from llmbatch.core.control import Control, ReplicaBounds
from llmbatch.core.states import DesiredState

RUN, DRAIN, CANCEL = DesiredState.RUN, DesiredState.DRAIN, DesiredState.CANCEL


@pytest.mark.parametrize(
    ("last", "generation", "state"),
    [(2, 1, DRAIN), (2, 2, DRAIN), (2, 3, RUN), (None, 1, DRAIN), (None, 99, DRAIN)],
)
def test_a_request_applies_up_to_its_generation(last: int | None, generation: int, state: DesiredState) -> None:
    assert Control(desired=DRAIN, generation=last).asks_of(generation) is state


def test_an_empty_object_means_run_as_the_spec_says() -> None:
    found = Control.model_validate_json("{}")
    assert found.asks_of(1) is RUN
    assert (found.paused, found.replicas, found.max_tokens, found.model) == (False, None, None, None)


def test_a_control_object_comes_back_from_its_json() -> None:
    control = Control(desired=CANCEL, generation=2, replicas=ReplicaBounds(min=1, max=4), paused=True, max_tokens=64)
    assert Control.model_validate_json(control.model_dump_json()) == control


@pytest.mark.parametrize(
    "text",
    ['{"desired": "stop"}', '{"replicas": {"min": 0, "max": 1}}', '{"max_tokens": 0}', '{"desird": "drain"}'],
)
def test_what_no_job_can_follow_is_an_error(text: str) -> None:
    with pytest.raises(ValidationError):
        Control.model_validate_json(text)
