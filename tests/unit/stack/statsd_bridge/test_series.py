from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from fakes.exporter import page, recorded
from llmbatch_stack.statsd_bridge.mapping import NameMapping
from llmbatch_stack.statsd_bridge.series import KEPT_FOR_QUANTILES, Series

ABOUT_THE_BRIDGE = ("statsd_exporter_lines_total", "statsd_exporter_udp_packets_total")


@pytest.mark.parametrize("case", recorded(), ids=lambda case: case["name"])
def test_the_bridge_answers_as_the_official_exporter(case: dict[str, Any]) -> None:
    lines = page(case["mapping"], *case["lines"])
    own = [line for line in lines if line.startswith("statsd_")]
    assert sorted(line for line in lines if not line.startswith(("#", "statsd_"))) == sorted(case["series"])
    assert [line for line in lines if line.startswith("# TYPE ") and "statsd_" not in line] == case["types"]
    assert [line for line in lines if line.startswith("# HELP ")] == case.get("help", [])
    counted = [line for line in own if not line.endswith(" 0") and not line.startswith(ABOUT_THE_BRIDGE)]
    assert sorted(counted) == sorted(case["exporter_own_counters"])


def test_the_number_of_series_is_bounded() -> None:
    series = Series(NameMapping(""), most=3)
    for number in range(10):
        series.take(f"a,k={number}:1|c\nb{number}:5|ms".encode())
    series.take(b"a,k=0:1|c")
    text = series.text()
    assert 'a{k="0"} 2' in text
    assert 'a{k="1"} 1' in text
    assert 'a{k="2"}' not in text
    assert 'statsd_bridge_events_dropped_total{reason="too_many_series"} 17' in text


def test_the_memory_of_a_summary_is_bounded() -> None:
    series = Series(NameMapping(""))
    for number in range(KEPT_FOR_QUANTILES * 2):
        series.take(f"t:{number * 1000}|ms".encode())
    text = series.text()
    assert f"t_count {KEPT_FOR_QUANTILES * 2}" in text
    assert f't{{quantile="0.5"}} {KEPT_FOR_QUANTILES * 3 // 2 - 1}' in text


@given(st.lists(st.text(alphabet='abc.,=|:#\\"\n0159-+e_ë', max_size=40), max_size=8))
def test_prometheus_can_read_the_page_whatever_was_sent(lines: list[str]) -> None:
    series = Series(NameMapping(""))
    for line in lines:
        series.take(line.encode())
    assert list(text_string_to_metric_families(series.text()))
