"""Airflow's answers, as read and as not readable."""

from __future__ import annotations

import pytest

from llmbatch.gateway.airflow.answers import Health, Tasks, User, read
from llmbatch.gateway.wire.failures import Failure


def test_fields_that_are_not_needed_are_ignored() -> None:
    assert read(User, b'{"id": "7", "username": "ann", "new_in_4": []}').username == "ann"
    assert read(Health, b'{"scheduler": {"status": null, "latest": "x"}, "dag_processor": null}').root.keys() == {
        "scheduler",
        "dag_processor",
    }


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"task_instances": [{"task_id": 1}]}'])
def test_another_answer_is_503_and_its_values_are_not_shown(body: bytes) -> None:
    with pytest.raises(Failure, match="cannot be read") as caught:
        read(Tasks, body)
    assert (caught.value.status, "html" in caught.value.message) == (503, False)
