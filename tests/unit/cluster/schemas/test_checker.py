"""A schema costs no more than its own row, whatever it does to the process that compiles it."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from llmbatch.cluster.schemas import checker as checker_module
from llmbatch.cluster.schemas.checker import CompilerLimits, SchemaChecker
from llmbatch.cluster.schemas.constraint import Constraint
from llmbatch.core.errors import RowError

NAME = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
HUGE = {"type": "array", "items": {"type": "string"}, "minItems": 1_000_000_000}

FAKE = """
import json, os, sys, time
with open({journal!r}, "a") as journal:
    journal.write("start\\n")
print("null", flush=True)
for line in sys.stdin:
    with open({journal!r}, "a") as journal:
        journal.write(line)
    title = json.loads(json.loads(line)[1]).get("title")
    if title == "hang":
        time.sleep(600)
    elif title == "crash":
        os.abort()
    elif title == "burn":
        import resource
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (1, resource.RLIM_INFINITY))
        while True:
            pass
    print(json.dumps("pattern: bad" if title == "bad" else None), flush=True)
"""


def titled(title: str) -> Constraint:
    return Constraint.of_schema({"title": title})


def sent(title: str) -> str:
    """The line that the child reads."""
    return json.dumps(["json", json.dumps({"title": title})])


def asked(checker: SchemaChecker, schemas: Iterable[dict[str, Any]]) -> list[str | None]:
    """Return why each schema is refused, or None, all asked at once."""

    async def one(schema: dict[str, Any]) -> str | None:
        try:
            await checker.decodable(Constraint.of_schema(schema))
        except RowError as error:
            return f"{error.error_class.value}: {error.message}"
        return None

    async def all_at_once() -> list[str | None]:
        try:
            return await asyncio.gather(*(one(schema) for schema in schemas))
        finally:
            await checker.close()

    return asyncio.run(all_at_once())


@pytest.fixture
def fake(tmp_path: Path) -> tuple[Path, Path]:
    """A program whose behaviour is the title of the schema, and the journal of what it did."""
    program, journal = tmp_path / "fake.py", tmp_path / "journal.txt"
    program.write_text(FAKE.format(journal=str(journal)), encoding="utf-8")
    return program, journal


def test_a_schema_that_kills_the_compiler_costs_the_others_nothing() -> None:
    limits = CompilerLimits(memory_bytes=2**28)
    good, huge, also_good = asked(SchemaChecker(limits), [NAME, HUGE, {"type": "integer"}])
    assert (good, also_good) == (None, None)
    assert huge is not None
    assert "more than 5 s of CPU time or 256 MiB, or crashes the compiler" in huge


def test_the_reason_of_the_backend_is_the_reason_of_the_row() -> None:
    pattern = {"type": "string", "pattern": "^(?=a)b$"}
    [reason] = asked(SchemaChecker(), [pattern])
    assert reason is not None
    assert reason.startswith("schema: the engine cannot decode to the JSON schema: pattern: look-around")


def test_the_engine_gets_the_closed_schema() -> None:
    checker = SchemaChecker()

    async def text() -> str:
        try:
            return (await checker.decodable(Constraint.of_schema(NAME))).spec
        finally:
            await checker.close()

    assert json.loads(asyncio.run(text())) == {**NAME, "additionalProperties": False}


def test_the_reason_names_what_kind_of_constraint_it_is() -> None:
    async def refused(constraint: Constraint) -> str:
        checker = SchemaChecker()
        try:
            with pytest.raises(RowError) as caught:
                await checker.decodable(constraint)
        finally:
            await checker.close()
        return caught.value.message

    found = asyncio.run(refused(Constraint("regex", "(?=a)b")))
    assert found.startswith("the engine cannot decode to the regular expression: pattern: look-around")


def test_too_large_a_schema_reaches_no_child(fake: tuple[Path, Path]) -> None:
    program, journal = fake
    [reason] = asked(SchemaChecker(program=program), [{"enum": ["x" * 300_000]}])
    assert reason is not None
    assert "more than 262144" in reason
    assert not journal.exists()


def test_each_schema_is_compiled_once_in_one_child(fake: tuple[Path, Path]) -> None:
    program, journal = fake
    bad, good = {"title": "bad"}, {"title": "good"}
    reasons = asked(SchemaChecker(program=program), [bad, good, bad, good, bad])
    assert [reason is None for reason in reasons] == [False, True, False, True, False]
    assert journal.read_text().splitlines() == ["start", sent("bad"), sent("good")]


def test_a_hang_ends_at_the_wall_limit_and_the_event_loop_goes_on(fake: tuple[Path, Path]) -> None:
    checker = SchemaChecker(CompilerLimits(wall_seconds=1.0), fake[0])
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.02)
            ticks += 1

    async def main() -> None:
        ticking = asyncio.create_task(tick())
        try:
            with pytest.raises(RowError, match="takes more than 1 s"):
                await checker.decodable(titled("hang"))
            assert await checker.decodable(titled("good")) == titled("good")
        finally:
            ticking.cancel()
            await checker.close()

    began = time.monotonic()
    asyncio.run(main())
    assert time.monotonic() - began < 60
    assert ticks > 5


def test_a_burner_ends_at_the_cpu_limit(fake: tuple[Path, Path]) -> None:
    [reason] = asked(SchemaChecker(CompilerLimits(cpu_seconds=1), fake[0]), [{"title": "burn"}])
    assert reason is not None
    assert "more than 1 s of CPU time or 1024 MiB, or crashes" in reason


def test_a_crash_counts_when_it_happens_twice(fake: tuple[Path, Path]) -> None:
    program, journal = fake
    crash, good = asked(SchemaChecker(program=program), [{"title": "crash"}, {"title": "good"}])
    assert crash is not None
    assert good is None
    assert journal.read_text().splitlines().count(sent("crash")) == 2


def test_a_row_that_stops_waiting_leaves_no_answer_behind_for_the_next(fake: tuple[Path, Path]) -> None:
    checker = SchemaChecker(program=fake[0])

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await checker.decodable(titled("hang"))
        with pytest.raises(RowError, match="bad"):
            await checker.decodable(titled("bad"))
        assert await checker.decodable(titled("good"))
        await checker.close()

    asyncio.run(main())


def test_verdicts_are_bounded(fake: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checker_module, "MAX_VERDICTS", 2)
    program, journal = fake
    first, second, third = ({"title": name} for name in "abc")
    asked(SchemaChecker(program=program), [first, second, first, third, first, second])
    compiled = [json.loads(json.loads(line)[1])["title"] for line in journal.read_text().splitlines()[1:]]
    assert compiled == ["a", "b", "c", "b"]


def test_a_compiler_that_does_not_start_is_no_fault_of_the_schema(tmp_path: Path) -> None:
    program = tmp_path / "broken.py"
    program.write_text("raise SystemExit(3)", encoding="utf-8")
    with pytest.raises(RuntimeError, match="does not start"):
        asked(SchemaChecker(program=program), [NAME])


def test_children_whose_exit_codes_are_reaped_elsewhere_change_no_verdict(fake: tuple[Path, Path]) -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps them
    try:
        crash, good, bad = asked(SchemaChecker(program=fake[0]), [{"title": name} for name in ("crash", "good", "bad")])
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert crash is not None
    assert crash.endswith("or crashes the compiler")
    assert good is None
    assert bad is not None
    assert bad.endswith("pattern: bad")
