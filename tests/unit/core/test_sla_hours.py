"""The SLA of a run that is not accepted yet."""

from __future__ import annotations

import pytest

from llmbatch.core.sla_hours import DEFAULT_SLA_HOURS, sla_field_of, sla_hours_of


@pytest.mark.parametrize("conf", ["text", ["list"], 7, None, {}, {"sla_hours": "soon"}, {"sla_hours": 24 * 90 + 1}])
def test_a_conf_without_a_valid_sla_gives_the_default(conf: object) -> None:
    assert sla_hours_of(conf) == DEFAULT_SLA_HOURS


def test_the_first_field_that_is_given_wins() -> None:
    assert sla_field_of({"completion_window": "6h", "sla_hours": ""}) == "completion_window"
    assert sla_hours_of({"completion_window": "6h", "sla_hours": 3}) == 3
    assert sla_hours_of({"completion_window": "6h", "sla_hours": None}) == 6
    assert sla_field_of({"sla_hours": None}) is None
