"""What came out of a job, compared with an undisturbed run on the same input."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from chaos.scene import Scene
from llmbatch.core.layout import JobLayout, split_uri
from llmbatch.core.manifest import JobManifest

Body = dict[str, list[dict[str, dict[str, str]]]]
"""What is read of the body of a chat completion: its choices, and their messages."""

Outcome = tuple[str, str | None]
"""State of a row, and its text if that is to be compared."""


@dataclass(frozen=True)
class Outcomes:
    """All rows of a job as read back: by row id from the committed shards, by custom id from the delivered files."""

    committed: tuple[tuple[str, Outcome], ...]
    delivered: tuple[tuple[str, Outcome], ...]

    @classmethod
    def read(cls, scene: Scene, *, texts: bool) -> Outcomes:
        """Read both sides of a job; without ``texts`` only the states."""
        committed, delivered = list(_committed(scene)), list(_delivered(scene))
        if not texts:
            committed = [(name, (state, None)) for name, (state, _) in committed]
            delivered = [(name, (state, None)) for name, (state, _) in delivered]
        return cls(tuple(committed), tuple(delivered))


@dataclass(frozen=True)
class Verdict:
    """What is wrong with a job. ``rows_redone`` is None where no journal was kept."""

    missing: int = 0
    duplicates: int = 0
    different: int = 0
    rows_redone: int | None = None
    generations: int = 0
    wrong: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.missing or self.duplicates or self.different or self.wrong)


def judge(scene: Scene, undisturbed: Outcomes, rows_in_flight: int, *, texts: bool) -> Verdict:
    """Compare a delivered job with the undisturbed one, and look for what it left behind."""
    found = Outcomes.read(scene, texts=texts)
    missing, duplicates, different = difference(undisturbed.committed, found.committed)
    also = difference(undisturbed.delivered, found.delivered)
    manifest = JobManifest.model_validate_json(scene.stack.store.get(scene.layout.manifest))
    redone = rows_redone(scene.stack.journal)
    wrong = [*doubled_writes(scene), *leftovers(scene), *scene.stack.proxy.errors]
    if redone is not None and redone > rows_in_flight:
        wrong.append(f"{redone} rows were redone, {rows_in_flight} were in flight at most")
    if (manifest.missing, manifest.duplicates) != (0, 0) or manifest.rows.input != len(undisturbed.committed):
        wrong.append(f"the manifest counts {manifest.rows}")
    return Verdict(
        missing=max(missing, also[0]),
        duplicates=max(duplicates, also[1]),
        different=max(different, also[2]),
        rows_redone=redone,
        generations=max(shard.generation for shard in manifest.shards),
        wrong=tuple(wrong),
    )


def judge_stopped(scene: Scene, undisturbed: Outcomes, *, texts: bool) -> Verdict:
    """Judge a job that was given up: what it has committed is right, and nothing of it runs."""
    committed = [(name, out if texts else (out[0], None)) for name, out in _committed(scene)]
    names = {name for name, _ in committed}
    expected = [(name, outcome) for name, outcome in undisturbed.committed if name in names]
    _, duplicates, different = difference(expected, committed)
    return Verdict(duplicates=duplicates, different=different, wrong=tuple(leftovers(scene)))


def doubled_writes(scene: Scene) -> list[str]:
    """Return what was written twice: a committed shard, or the proof."""
    folder = split_uri(scene.layout.root)[1]
    puts = scene.stack.proxy.writes(f"^{folder}/(results/|manifest.json$)")
    return [f"{key} was written {times} times" for key, times in Counter(p.key for p in puts).items() if times > 1]


def leftovers(scene: Scene) -> list[str]:
    """Return what should be gone a while after the end, and is not."""

    def left() -> list[str]:
        processes = [*scene.drivers(), *scene.replicas(), *scene.engines()]
        return [f"Ray job {name} is active" for name in scene.active_ray_jobs()] + [
            f"process {one.pid} is left" for one in processes
        ]

    try:
        scene.until(lambda: not left(), "nothing is left of the job", 120)
    except AssertionError:
        return left()
    return []


def rows_redone(journal: Path) -> int | None:
    """Return how many answers were not the first of their row; None without a journal."""
    rows = [row for _, row in _answers(journal)]
    return len(rows) - len(set(rows)) if rows else None


def answer_times(journal: Path) -> list[float]:
    """Return when each answer was given, in seconds since the epoch."""
    return [float(time) for time, _ in _answers(journal)]


def _answers(journal: Path) -> list[tuple[str, str]]:
    """Return time and row of every answer; a line that a kill cut off holds none."""
    lines = [line for file in journal.glob("*.txt") for line in file.read_text().splitlines()]
    return [(time, row) for time, found, row in (line.partition(" ") for line in lines) if found]


def difference(expected: Iterable[tuple[str, Outcome]], found: Iterable[tuple[str, Outcome]]) -> tuple[int, int, int]:
    """Return rows missing, doubled and different. Expected a,b against a,a: 1 missing, 1 doubled."""
    listed = list(found)
    wanted, seen = dict(expected), dict(listed)
    different = sum(wanted[name] != seen[name] for name in wanted.keys() & seen.keys())
    doubled = len(listed) - len(seen) + len(seen.keys() - wanted.keys())
    return len(wanted.keys() - seen.keys()), doubled, different


def _committed(scene: Scene) -> Iterable[tuple[str, Outcome]]:
    store = scene.stack.store
    for info in store.list(scene.layout.results):
        if JobLayout.shard_of(info.uri) is None:
            continue
        for row in pq.read_table(io.BytesIO(store.get(info.uri)), columns=["row_id", "state", "response"]).to_pylist():
            response = row["response"]
            yield row["row_id"], (row["state"], None if response is None else _text(json.loads(response)))


def _delivered(scene: Scene) -> Iterable[tuple[str, Outcome]]:
    store = scene.stack.store
    manifest = JobManifest.model_validate_json(store.get(scene.layout.manifest))
    for output in manifest.outputs:
        for line in store.get(output.uri).decode().splitlines():
            row: Mapping[str, dict[str, Body]] = json.loads(line)
            response = row["response"]
            good = response is not None and not row.get("error")
            yield str(row["custom_id"]), ("succeeded", _text(response["body"])) if good else ("failed", None)


def _text(body: Body) -> str:
    return body["choices"][0]["message"]["content"]
