from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmbatch_stack.statsd_bridge.lines import MOST_LINE_BYTES, Event, Kind, escaped, read_packet


def read(packet: bytes) -> tuple[list[Event], Counter[str]]:
    faults: Counter[str] = Counter()
    events = list(read_packet(packet, faults))
    return events, Counter({reason: number for reason, number in faults.items() if reason != "lines"})


def test_what_airflow_sends_is_one_event_with_labels() -> None:
    events, faults = read(b"airflow.llmbatch.rows,model=org/m-7B,outcome=failed:3|c")
    assert events == [Event("airflow.llmbatch.rows", Kind.COUNTER, 3, {"model": "org/m-7B", "outcome": "failed"})]
    assert not faults


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (b"a" * MOST_LINE_BYTES + b":1|c", "malformed_line"),
        (b"\xff\xfe:1|c", "malformed_line"),
        (b":1|c", "malformed_line"),
        (b"a:1|c|@0.1|#k:v|x", "malformed_component"),
        (b"a:1|c|", "malformed_component"),
        (b"a:1_000|c", "malformed_value"),
        (b"a:1|c|@x", "malformed_value"),
        (b"a:inf|c", "illegal_event"),
        (b"a:nan|ms", "illegal_event"),
        (b"a:1|c|@1e-320", "illegal_event"),
        (b"a,k=v:1|c|#x:y", "mixed_tagging_styles"),
        (b"a,le=5:1|c", "tags"),
        (b"a,__name__=b:1|c", "tags"),
        (b"a[k=v:1|c", "tags"),
    ],
)
def test_a_hostile_line_is_counted(packet: bytes, reason: str) -> None:
    events, faults = read(packet)
    assert faults == {reason: 1}
    assert [event for event in events if event.labels] == []
    assert read(packet + b"\nok:1|c")[0][-1:] == [Event("ok", Kind.COUNTER, 1)]


def test_a_sampled_timer_counts_as_many_but_not_as_millions() -> None:
    assert [event.repeats for event in read(b"a:1|ms|@0.1\na:1|ms|@0.000000001")[0]] == [10, 1000]


def test_names_of_prometheus() -> None:
    assert [escaped(name) for name in ("a.b-c/d e", "9x", "ë")] == ["a_b_c_d_e", "_9x", "_"]


@given(st.binary(max_size=200) | st.text(alphabet="a.,=|:#@[]\n01-+eENn_", max_size=60).map(str.encode))
def test_no_packet_raises(packet: bytes) -> None:
    for event in read(packet)[0]:
        assert event.repeats >= 1
