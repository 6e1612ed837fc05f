"""The lines of StatsD, with tags in the forms of DogStatsD, InfluxDB, Librato and SignalFX, as the exporter reads."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import isfinite

MOST_LINE_BYTES = 2048
"""A longer line is malformed: it would hold memory for the life of its series."""

MOST_REPEATS = 1000
"""Most observations that one sampled timer counts as."""

_TYPES = {"c": "counter", "g": "gauge", "ms": "timer", "h": "histogram", "d": "distribution"}
_ILLEGAL = re.compile(r"[^a-zA-Z0-9_]")
_RESERVED = {"le", "quantile"}
"""Labels that Prometheus sets itself; a tag of that name would make the whole page unreadable."""
_STYLES = {"#": "", ",": "", "[": "]"}
"""First character of tags inside of a name, and the last one of it."""


class Kind(StrEnum):
    """Types of Prometheus; observers are histograms and summaries."""

    COUNTER = "counter"
    GAUGE = "gauge"
    OBSERVER = "observer"


class _Fault(Exception):
    """A sample that cannot be read; the text is the reason that is counted."""


@dataclass(frozen=True)
class Event:
    """One value. Times are in seconds. ``is_relative`` gauges are added to."""

    name: str
    kind: Kind
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    is_relative: bool = False
    repeats: int = 1


def escaped(name: str) -> str:
    """Return a name that Prometheus takes: other characters become underscores."""
    legal = _ILLEGAL.sub("_", name)
    return f"_{legal}" if legal[:1].isdigit() else legal


def read_packet(packet: bytes, faults: Counter[str]) -> Iterator[Event]:
    """Yield the events of one packet, and count in ``faults`` what is wrong, by reason."""
    for raw in packet.split(b"\n"):
        if raw:
            faults["lines"] += 1
            yield from _read_line(raw, faults)


def _read_line(raw: bytes, faults: Counter[str]) -> Iterator[Event]:
    try:
        head, _, tail = raw.decode().partition(":") if len(raw) <= MOST_LINE_BYTES else ("", "", "")
    except UnicodeDecodeError:
        head = tail = ""
    if not head or not tail:
        faults["malformed_line"] += 1
        return
    name, labels = _name_and_tags(head, faults)
    is_dog = "|#" in tail
    if is_dog and labels:
        faults["mixed_tagging_styles"] += 1
        return
    for sample in [tail] if is_dog else tail.split(":"):
        try:
            yield _read_sample(name, labels, sample, faults)
        except _Fault as fault:
            faults[str(fault)] += 1


def _read_sample(name: str, given: Mapping[str, str], sample: str, faults: Counter[str]) -> Event:
    """Return the event of ``value|type|@rate|#tags``. Raises ``_Fault``."""
    parts = sample.split("|")
    if not 2 <= len(parts) <= 4 or not all(part[:1] in ("@", "#") for part in parts[2:]):
        raise _Fault("malformed_component")
    rate = next((_number(part[1:]) for part in parts[2:] if part[0] == "@"), 1.0) or 1.0
    labels = {**given}
    for part in parts[2:]:
        if part[0] == "#":
            labels |= _tags(part[1:].split(","), ":", faults)
    value, kind = _number(parts[0]), _TYPES.get(parts[1])
    if kind is None or (kind != "gauge" and not isfinite(value / rate)):
        raise _Fault("illegal_event")
    if kind == "counter":
        return Event(name, Kind.COUNTER, value / rate, labels)
    if kind == "gauge":
        is_relative = parts[0][0] in "+-" and isfinite(value)
        return Event(name, Kind.GAUGE, value, labels, is_relative=is_relative)
    repeats = int(min(MOST_REPEATS, max(1, 1 / rate)))
    return Event(name, Kind.OBSERVER, value / 1000 if kind == "timer" else value, labels, repeats=repeats)


def _number(text: str) -> float:
    try:
        return float(text.replace("_", " "))  # Python takes 1_000, the exporter does not
    except ValueError:
        raise _Fault("malformed_value") from None


def _name_and_tags(head: str, faults: Counter[str]) -> tuple[str, dict[str, str]]:
    """Return the name and the tags that follow the first character of a tagging style."""
    start = next((place for place, char in enumerate(head) if char in _STYLES), None)
    if start is None:
        return head, {}
    end, last = len(head), _STYLES[head[start]]
    name = head[:start]
    if last:
        end = head.find(last, start)
        if end < 0:
            faults["tags"] += 1
            return head, {}
        name += head[end + 1 :]
    return name, _tags(head[start + 1 : end].split(","), "=", faults)


def _tags(texts: list[str], sign: str, faults: Counter[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        key, _, value = text.partition(sign)
        label = escaped(key)
        if key and value and label not in _RESERVED and not label.startswith("__"):
            found[label] = value
        else:
            faults["tags"] += 1
    return found
