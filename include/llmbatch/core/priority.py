"""The priority that a request sets: which of the waiting jobs starts first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

LOWEST_PRIORITY, DEFAULT_PRIORITY, HIGHEST_PRIORITY = -100, 0, 100

Priority = Annotated[int, Field(ge=LOWEST_PRIORITY, le=HIGHEST_PRIORITY)]
"""A job of higher priority starts before the waiting jobs of lower priority."""

_PRIORITY = TypeAdapter[int](Priority)


def priority_of(conf: object) -> int:
    """Return the priority of a run that may not be accepted yet, from what was sent with it.

    Args:
        conf: the run's ``conf`` as Airflow stored it. If it sets no priority, or one that accept will reject, the
            default is returned, so that the run reaches the task that reports the problem.
    """
    sent: Mapping[str, object] = conf if isinstance(conf, Mapping) else {}
    value = sent.get("priority")
    try:
        return DEFAULT_PRIORITY if value is None else _PRIORITY.validate_python(value)
    except ValidationError:
        return DEFAULT_PRIORITY
