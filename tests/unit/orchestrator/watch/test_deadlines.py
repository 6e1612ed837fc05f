from __future__ import annotations

from typing import Any

import pytest

from llmbatch.core.errors import RequestError
from llmbatch.core.sla_hours import DEFAULT_SLA_HOURS, sla_hours_of
from llmbatch.orchestrator.intake.accept import request_of
from llmbatch.orchestrator.tasks.form import form_params
from llmbatch.orchestrator.watch import deadline_callback
from llmbatch.orchestrator.watch.deadlines import CALLBACK, SlaDeadline, sla_deadlines


@pytest.mark.parametrize(
    ("conf", "hours"),
    [
        (None, DEFAULT_SLA_HOURS),
        ({}, DEFAULT_SLA_HOURS),
        ({"sla_hours": 6}, 6),
        ({"sla_hours": 0.5}, 0.5),
        ({"sla_hours": "6"}, 6),
        ({"sla_hours": "24h"}, 24),
        ({"completion_window": "12h"}, 12),
        ({"completion_window": "12h", "sla_hours": None}, 12),
        ({"completion_window": "12h", "sla_hours": ""}, 12),
        ({"sla_hours": 3, "completion_window": None}, 3),
    ],
)
def test_the_hours_are_those_that_accept_reads(conf: dict[str, Any] | None, hours: float) -> None:
    assert sla_hours_of(conf) == hours
    params = {name: param.value for name, param in form_params().items() if param.has_value}
    assert request_of(params, {**(conf or {}), "input_uri": "s3://in/a"}).sla_hours == hours


@pytest.mark.parametrize("given", [0, -1, 1e-300, 10**400, "1e308h", "soon", "h", "nan", "inf", 1e9, [1], {"a": 1}])
def test_what_accept_rejects_gives_the_default_deadline(given: object) -> None:
    assert sla_hours_of({"sla_hours": given}) == DEFAULT_SLA_HOURS
    with pytest.raises(RequestError):
        request_of({}, {"sla_hours": given, "input_uri": "s3://in/a"})


def test_the_reference_survives_storing() -> None:
    kept = SlaDeadline(0.7).serialize_reference()
    assert kept == {"reference_type": "SlaDeadline", "fraction": 0.7}
    assert SlaDeadline.deserialize_reference(kept) == SlaDeadline(0.7)
    assert SlaDeadline(0.7) != SlaDeadline(1.0)


def test_the_callback_is_where_the_deadlines_say() -> None:
    assert [alert.callback.path for alert in sla_deadlines()] == [CALLBACK, CALLBACK]
    assert f"{deadline_callback.look.__module__}.{deadline_callback.look.__name__}" == CALLBACK
