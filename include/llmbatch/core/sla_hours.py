"""The SLA that a request sets: hours from the start of a run to its deadline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError

SHORTEST_SLA_HOURS = 0.001
"""The shortest SLA that a request may set: a time that is rounded to 0 s has no parts, which alerts are raised by."""

LONGEST_SLA_HOURS = 24.0 * 90
"""The longest SLA that a request may set."""

DEFAULT_SLA_HOURS = 24.0
"""The SLA of a request that sets none."""

SLA_FIELDS = ("sla_hours", "completion_window")
"""The names under which a request may set its SLA; the first one that is given wins."""


def _without_unit(value: object) -> object:
    """Accept OpenAI's ``completion_window`` text, e.g. ``"24h"``."""
    return value[:-1] if isinstance(value, str) and value.endswith("h") else value


SlaHours = Annotated[float, Field(ge=SHORTEST_SLA_HOURS, le=LONGEST_SLA_HOURS), BeforeValidator(_without_unit)]
"""Hours from the start of a run to its deadline."""

_SLA_HOURS = TypeAdapter[float](SlaHours)


def sla_field_of(conf: Mapping[str, object]) -> str | None:
    """Return the name under which ``conf`` sets the SLA, None if it sets none. Null and empty text are not given."""
    return next((name for name in SLA_FIELDS if conf.get(name) not in (None, "")), None)


def sla_hours_of(conf: object) -> float:
    """Return the SLA in hours of a run that may not be accepted yet, from what was sent with it.

    Args:
        conf: the run's ``conf`` as Airflow stored it. If it is not a mapping, or if accept will reject its SLA, the
            default is returned, so that the run reaches the task that reports the problem.
    """
    sent: Mapping[str, object] = conf if isinstance(conf, Mapping) else {}
    name = sla_field_of(sent)
    try:
        return DEFAULT_SLA_HOURS if name is None else _SLA_HOURS.validate_python(sent[name])
    except ValidationError:
        return DEFAULT_SLA_HOURS
