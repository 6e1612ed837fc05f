from __future__ import annotations

from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Gauge, Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from llmbatch.gateway.metrics.exposition import MOST_FORMATS, Texts, exposition

PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)
"""As Prometheus sends it."""


@pytest.fixture
def registry() -> CollectorRegistry:
    made = CollectorRegistry()
    Gauge("x", "h", ("a",), registry=made).labels('b"\n').set(1)
    return made


@pytest.mark.parametrize("accept", ["", "*/*", "text/plain", "text/plain;version=0.0.4", "image/png", "\x00\xff,;=;"])
def test_prometheus_text_is_the_default(registry: CollectorRegistry, accept: str) -> None:
    found = exposition(registry, accept)
    assert found.content_type.startswith("text/plain; version=0.0.4")
    assert next(iter(read_text(found.body.decode()))).samples[0].labels == {"a": 'b"\n'}


def test_openmetrics_for_a_client_that_prefers_it(registry: CollectorRegistry) -> None:
    found = exposition(registry, PROMETHEUS)
    assert found.content_type.startswith("application/openmetrics-text; version=1.0.0")
    assert found.body.endswith(b"# EOF\n")
    assert next(iter(read_openmetrics(found.body.decode()))).name == "x"


@pytest.mark.parametrize(
    "accept",
    ["application/openmetrics-text;version=x", "application/openmetrics-text;version=1.x.0;escaping=no",
     "text/plain;version=", "application/openmetrics-text;version=9.9.9", "a," * 100_000],
)  # fmt: skip
def test_odd_headers_are_answered(registry: CollectorRegistry, accept: str) -> None:
    assert b"x{" in exposition(registry, accept).body


def test_a_text_is_kept_until_the_metrics_have_changed() -> None:
    registry = CollectorRegistry()
    gauge, texts = Gauge("x", "h", registry=registry), Texts(registry)
    assert texts.ready("") is None
    first = texts.make("")
    gauge.set(7)
    assert texts.ready("") is first
    texts.renew()
    renewed = texts.ready("")
    assert renewed is not None
    assert b"x 7.0" in renewed.body


def test_a_text_that_is_not_wanted_any_more_is_not_made(registry: CollectorRegistry) -> None:
    texts = Texts(registry)
    texts.ready("")
    texts.renew()
    texts.renew()
    assert texts.ready("") is None


def test_a_text_of_metrics_that_have_changed_meanwhile_is_not_kept() -> None:
    class Renewing(CollectorRegistry):
        """Changes while the first text is made."""

        is_first = True

        def collect(self) -> Iterator[Metric]:
            if self.is_first:
                self.is_first = False
                texts.renew()
            yield from super().collect()

    made = Renewing()
    texts = Texts(made)
    texts.ready("")
    old = texts.make("")
    assert texts.ready("") is not old


def test_few_formats_are_kept(registry: CollectorRegistry) -> None:
    texts = Texts(registry)
    accepted = [f"image/{number}" for number in range(MOST_FORMATS + 3)]
    for accept in accepted:
        texts.ready(accept)
        texts.make(accept)
    assert sum(texts.ready(accept) is not None for accept in accepted) == MOST_FORMATS
