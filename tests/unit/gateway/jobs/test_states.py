"""Names of states."""

from __future__ import annotations

import pytest

from llmbatch.gateway.jobs.states import JobState


@pytest.mark.parametrize("state", JobState)
def test_a_state_of_airflow_has_one_name_here(state: JobState) -> None:
    assert JobState.of_run(state.of_airflow) is state


def test_success_is_succeeded() -> None:
    assert JobState.of_run("success").value == "succeeded"
