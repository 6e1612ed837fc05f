"""The job that is run in every cell: small, but with every kind of row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from chaos.stack import FAIL_MARKER, SHARD_ROWS, SHARDS_IN_FLIGHT, ChaosStack, Section, echo_engine, vllm_engine
from llmbatch_stack.settings import BUCKET

_FAILS_EVERY = 50


@dataclass(frozen=True)
class Workload:
    """Rows and engine of a job. The last line of its input cannot be read; one row in fifty fails in the fake one."""

    name: str
    rows: int
    replicas: int = 1
    real_engine: bool = False
    seconds_per_row: float = 0.5
    """Of the fake engine."""
    request: Mapping[str, object] = field(default_factory=dict)
    """More fields of the request."""
    sections: Mapping[str, Section] = field(default_factory=dict)
    """More sections of config.yaml."""
    bodies: Mapping[int, Mapping[str, object]] = field(default_factory=dict)
    """More fields of some rows' bodies, by the number of the row."""

    @property
    def input_uri(self) -> str:
        """Address of the input."""
        return f"s3://{BUCKET}/inputs/chaos/{self.name}.jsonl"

    @property
    def rows_in_flight(self) -> int:
        """Rows that may be lost and done again when everything dies at once."""
        return SHARD_ROWS * SHARDS_IN_FLIGHT * self.replicas

    def engine(self, stack: ChaosStack) -> Section:
        """Return the engine section of config.yaml."""
        return vllm_engine() if self.real_engine else echo_engine(stack.journal, self.seconds_per_row)

    def upload(self, stack: ChaosStack) -> None:
        """Write the input."""
        lines = [self._line(number) for number in range(1, self.rows)]
        stack.store.put(self.input_uri, "\n".join([*lines, "{broken"]).encode())

    def conf(self) -> dict[str, object]:
        """Return the request."""
        return {
            "input_uri": self.input_uri,
            "input_format": "openai_batch",
            "max_error_rate": 0.2,
            "sampling": {"max_tokens": 8, "temperature": 0},
            "engine": {"concurrency": self.replicas},
            **self.request,
        }

    def _line(self, number: int) -> str:
        marker = f" {FAIL_MARKER}" if number % _FAILS_EVERY == 0 else ""
        message = {"role": "user", "content": f"Say {number}.{marker}"}
        body = {"messages": [message], **self.bodies.get(number, {})}
        line = {"custom_id": f"c{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}
        return json.dumps(line)


ECHO = Workload("echo", 481)
SHORT = Workload("short", 193, seconds_per_row=0.75)
SLOW = Workload("slow", 481, seconds_per_row=3.0)
"""Takes a minute: what ends in half of that was stopped, and did not just finish."""
TWO_NODES = Workload("two-nodes", 641, replicas=2)
VLLM = Workload("vllm", 97, real_engine=True)


def _schema(pattern: str) -> Mapping[str, object]:
    schema = {"type": "object", "properties": {"a": {"type": "string", "pattern": pattern}}, "required": ["a"]}
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}}


VLLM_SCHEMAS = Workload(
    "vllm-schemas",
    97,
    real_engine=True,
    bodies={
        5: _schema("^((a|b)*(c|d)*){1,5000}$"),  # takes a grammar compiler for ever
        40: _schema("(" * 50_000 + ")" * 50_000),  # crashes one
    },
)

_EARLY_ALERTS = {"red_from": 0.05, "red_anyway_from": 0.12, "red_for": 0.02}
LATE = Workload(
    "late",
    961,
    seconds_per_row=3.0,
    request={"sla_hours": 90 / 3600, "on_deadline": "finish"},
    sections={"sla": _EARLY_ALERTS, "alerts": {"webhook": [{"conn_id": "chaos_hung"}]}},
)
"""Two minutes of work with a deadline after 90 seconds: every alert becomes due."""


def with_skewed_driver(workload: Workload, seconds: int) -> Workload:
    """Return the same job with a driver whose clock is ahead by so many seconds, behind if negative."""
    tests = Path(__file__).parents[1]
    entrypoint = f'PYTHONPATH="$PYTHONPATH:{tests}" exec python -m chaos.skewed_driver {seconds}'
    sections = {**workload.sections, "ray": {"poll_seconds": 1, "entrypoint": entrypoint}}
    return replace(workload, sections=sections)
