from __future__ import annotations

import math

import pytest
from prometheus_client import Counter, Histogram

from llmbatch.core.metrics import EXPORTER_ERRORS, JOB_BURN_RATE, JOB_PHASE, QUEUE_JOBS
from llmbatch.gateway.metrics.samples import LABEL_CHARS, Samples, collected


def test_values_of_one_metric_are_one_family_of_its_kind() -> None:
    samples = Samples()
    samples.add(JOB_PHASE, 1, "job-1", "work")
    samples.add(EXPORTER_ERRORS, 3, "store")
    samples.add(JOB_PHASE, 1, "job-2", "tail")
    phase, errors = samples.families()
    assert (phase.name, phase.type, phase.documentation) == (JOB_PHASE.name, "gauge", JOB_PHASE.help)
    assert [sample.labels for sample in phase.samples] == [
        {"job_id": "job-1", "phase": "work"},
        {"job_id": "job-2", "phase": "tail"},
    ]
    assert (errors.type, errors.samples[0].name, errors.samples[0].value) == ("counter", EXPORTER_ERRORS.name, 3)


@pytest.mark.parametrize("value", [None, math.nan])
def test_what_is_unknown_has_no_series(value: float | None) -> None:
    samples = Samples()
    samples.add(QUEUE_JOBS, value)
    assert samples.families() == ()
    samples.add(JOB_BURN_RATE, math.inf, "job-1")
    assert len(samples.families()) == 1


@pytest.mark.parametrize(
    "hostile", ["a\nb 1\n", 'x"} 1', "\\", "\x00\x1b[2J", "\ud800", "a" * 10_000, "\U000e0001" * 300]
)
def test_a_label_is_printable_and_short_whatever_a_user_sends(hostile: str) -> None:
    samples = Samples()
    samples.add(JOB_PHASE, 1, "job-1", hostile)
    shown = samples.families()[0].samples[0].labels["phase"]
    assert shown.isprintable()
    assert len(shown) <= LABEL_CHARS + 30
    assert shown.encode()


def test_the_times_of_creation_of_the_library_are_left_out() -> None:
    counter = Counter("x_total", "h", ("a",), registry=None)
    counter.labels("b").inc()
    histogram = Histogram("y", "h", registry=None)
    names = {sample.name for each in (counter, histogram) for family in collected(each) for sample in family.samples}
    assert names == {"x_total", "y_bucket", "y_sum", "y_count"}
