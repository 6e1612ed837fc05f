"""What must hold of every request, at vLLM's engine itself."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest

from llmbatch.cluster.engines.live_tokens import LiveTokens
from llmbatch.cluster.engines.vllm.guarded import check_constraint, guarded
from llmbatch.cluster.schemas.checker import SchemaChecker
from llmbatch.cluster.schemas.constraint import Constraint
from llmbatch.core.errors import RowError
from llmbatch.core.states import ErrorClass

NAME = {"type": "object", "properties": {"name": {"type": "string"}}}


class Recorder:
    """Takes the place of the checker."""

    def __init__(self) -> None:
        self.seen: list[Constraint] = []

    async def decodable(self, constraint: Constraint) -> Constraint:
        self.seen.append(constraint)
        if constraint.kind == "regex":
            raise RowError(ErrorClass.SCHEMA, "no")
        longer = " " if constraint.kind == "grammar" else ""
        return Constraint(constraint.kind, constraint.spec + longer)


def params(**constraint: Any) -> Any:
    from vllm import SamplingParams
    from vllm.sampling_params import StructuredOutputsParams

    return SamplingParams(structured_outputs=StructuredOutputsParams(**constraint) if constraint else None)


def seen(sampling: Any) -> list[Constraint]:
    recorder: Any = Recorder()
    asyncio.run(check_constraint(recorder, sampling))
    found: list[Constraint] = recorder.seen
    return found


@pytest.mark.parametrize(
    ("given", "checked"),
    [
        ({"json": NAME}, Constraint("json", json.dumps(NAME))),
        ({"json": "{}"}, Constraint("json", "{}")),
        ({"choice": ["a", "b"]}, Constraint("choice", '["a", "b"]')),
        ({"grammar": "root ::= x"}, Constraint("grammar", "root ::= x")),
        ({"structural_tag": "{}"}, Constraint("structural_tag", "{}")),
    ],
)
def test_constraints_are_checked_as_vllm_hands_them_to_its_backend(given: dict[str, Any], checked: Constraint) -> None:
    assert seen(params(**given)) == [checked]


def test_the_engine_gets_what_was_checked() -> None:
    sampling = params(grammar="root")
    assert seen(sampling)
    assert sampling.structured_outputs.grammar == "root "
    assert seen(params()) == []


def test_a_schema_is_closed_on_its_way() -> None:
    async def run() -> str:
        checker = SchemaChecker()
        sampling = params(json=NAME)
        try:
            await check_constraint(checker, sampling)
        finally:
            await checker.close()
        return str(sampling.structured_outputs.json)

    assert json.loads(asyncio.run(run())) == {**NAME, "additionalProperties": False}


def outputs(monkeypatch: pytest.MonkeyPatch, *found: Any) -> tuple[list[Any], LiveTokens]:
    """What the guarded engine yields where vLLM's own yields ``found``, and the tokens that it has counted."""
    from vllm.v1.engine.async_llm import AsyncLLM

    async def generate(self: Any, *args: Any, **options: Any) -> Any:
        for each in found:
            yield each

    async def run() -> list[Any]:
        engine = guarded(Recorder(), tokens)  # type: ignore[arg-type]
        return [each async for each in engine.generate(object.__new__(engine), "x", params(), "id")]

    monkeypatch.setattr(AsyncLLM, "generate", generate)
    monkeypatch.setattr(AsyncLLM, "__del__", lambda self: None)
    tokens = LiveTokens()
    return asyncio.run(run()), tokens


def ended(*answers: tuple[int, str | None], finished: bool = True) -> SimpleNamespace:
    listed = [SimpleNamespace(token_ids=[0] * tokens, finish_reason=reason) for tokens, reason in answers]
    return SimpleNamespace(finished=finished, outputs=listed)


def test_tokens_of_all_answers_are_counted_when_the_request_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    found, tokens = outputs(monkeypatch, ended((9, None), finished=False), ended((3, "stop"), (4, "length")))
    assert (len(found), tokens.ended) == (2, 7)


def test_an_ending_of_the_engine_is_no_answer_and_its_tokens_count(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RowError, match="finish_reason 'abort'"):
        outputs(monkeypatch, ended((3, "stop"), (4, "abort")))
