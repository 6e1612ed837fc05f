"""The series of a bridge: events in, the text format of Prometheus out. Their number is bounded."""

import math
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Lock

from llmbatch_stack.statsd_bridge.lines import Event, Kind, escaped, read_packet
from llmbatch_stack.statsd_bridge.mapping import NameMapping, Target

MOST_SERIES = 10_000
KEPT_FOR_QUANTILES = 500
"""Newest observations of a summary that its quantiles are of; the exporter takes those of ten minutes."""

Labels = tuple[tuple[str, str], ...]

_SAMPLE_FAULTS = ("malformed_line", "malformed_component", "malformed_value", "illegal_event", "mixed_tagging_styles")


@dataclass
class _Observations:
    count: int = 0
    sum: float = 0.0
    buckets: list[int] = field(default_factory=list)
    newest: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT_FOR_QUANTILES))


@dataclass
class _Family:
    """All series of one name."""

    type: str
    target: Target
    values: dict[Labels, float] = field(default_factory=dict)
    observed: dict[Labels, _Observations] = field(default_factory=dict)


class Series:
    """The series of one bridge. Safe to use from several threads.

    Args:
        mapping: names and labels.
        most: series kept; events of further ones are counted and dropped.
    """

    def __init__(self, mapping: NameMapping, most: int = MOST_SERIES) -> None:
        self._mapping, self._left = mapping, most
        self._families: dict[str, _Family] = {}
        self._faults: Counter[str] = Counter()
        self._own: Counter[tuple[str, Labels]] = Counter()
        self._lock = Lock()

    def take(self, packet: bytes) -> None:
        """Read one packet. What is wrong in it is counted, never raised."""
        with self._lock:
            self._faults["packets"] += 1
            for event in read_packet(packet, self._faults):
                self._add(event)

    def text(self) -> str:
        """Return every series, the bridge's own last."""
        with self._lock:
            lines = [line for name in sorted(self._families) for line in _written(name, self._families[name])]
            return "\n".join([*lines, *self._own_lines(), ""])

    def _add(self, event: Event) -> None:
        target = self._mapping.target(event.name, event.kind)
        if target.name is None:
            return
        if not target.name:
            self._own["statsd_exporter_events_unmapped_total", ()] += 1
        if event.kind is Kind.COUNTER and not event.value >= 0:
            self._own["statsd_exporter_events_error_total", (("reason", "illegal_negative_counter"),)] += 1
            return
        kind = event.kind.value
        if event.kind is Kind.OBSERVER:
            kind = "histogram" if target.buckets else "summary"
        name = escaped(target.name or event.name)
        labels = tuple(sorted({**event.labels, **dict(target.labels)}.items()))
        family = self._families.get(name) or _Family(kind, target)
        if family.type != kind:
            self._own["statsd_exporter_events_conflict_total", (("type", event.kind.value),)] += 1
            return
        if labels not in family.values and labels not in family.observed:
            if not self._left:
                self._own["statsd_bridge_events_dropped_total", (("reason", "too_many_series"),)] += 1
                return
            self._left -= 1
            self._families[name] = family
        _apply(event, family, labels)

    def _own_lines(self) -> Iterator[str]:
        own = self._own.copy()
        own["statsd_exporter_udp_packets_total", ()] = self._faults["packets"]
        own["statsd_exporter_lines_total", ()] = self._faults["lines"]
        own["statsd_exporter_tag_errors_total", ()] = self._faults["tags"]
        for reason in _SAMPLE_FAULTS:
            own["statsd_exporter_sample_errors_total", (("reason", reason),)] = self._faults[reason]
        last = ""
        for (name, labels), value in sorted(own.items()):
            if name != last:
                yield f"# TYPE {name} counter"
                last = name
            yield f"{name}{_labels(labels)} {value}"


def _apply(event: Event, family: _Family, labels: Labels) -> None:
    if event.kind is Kind.OBSERVER:
        bounds = family.target.buckets
        found = family.observed.setdefault(labels, _Observations(buckets=[0] * len(bounds)))
        found.count += event.repeats
        found.sum += event.value * event.repeats
        if not bounds:
            found.newest.append(event.value)
        elif (place := bisect_left(bounds, event.value)) < len(bounds):
            found.buckets[place] += event.repeats
    elif event.kind is Kind.COUNTER or event.is_relative:
        family.values[labels] = family.values.get(labels, 0.0) + event.value
    else:
        family.values[labels] = event.value


def _written(name: str, family: _Family) -> Iterator[str]:
    if family.target.help:
        yield f"# HELP {name} {_escaped(family.target.help)}"
    yield f"# TYPE {name} {family.type}"
    for labels, value in sorted(family.values.items()):
        yield f"{name}{_labels(labels)} {_number(value)}"
    for labels, found in sorted(family.observed.items(), key=lambda item: item[0]):
        total = 0
        for bound, count in zip(family.target.buckets, found.buckets, strict=True):
            total += count
            yield f"{name}_bucket{_labels((*labels, ('le', _number(bound))))} {total}"
        if family.target.buckets:
            yield f"{name}_bucket{_labels((*labels, ('le', '+Inf')))} {found.count}"
        else:
            ranked = sorted(found.newest)
            for quantile in family.target.quantiles:
                value = ranked[max(0, math.ceil(quantile * len(ranked)) - 1)]
                yield f"{name}{_labels((*labels, ('quantile', _number(quantile))))} {_number(value)}"
        yield f"{name}_sum{_labels(labels)} {_number(found.sum)}"
        yield f"{name}_count{_labels(labels)} {found.count}"


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{key}="{_escaped(value, quote=True)}"' for key, value in labels) + "}"


def _escaped(text: str, *, quote: bool = False) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quote else text


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value).removesuffix(".0")
