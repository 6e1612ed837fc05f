"""What every engine checks before it answers, the fake engine, and the environment of the real one."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest

from llmbatch.cluster.engines.base import InFlight, parse_row
from llmbatch.cluster.engines.cpu_binding import engine_environment, ranges
from llmbatch.cluster.engines.cpu_dtype import dtype_of
from llmbatch.cluster.engines.echo import EchoEngine
from llmbatch.cluster.engines.vllm import VllmEngine
from llmbatch.cluster.replica.start_failure import last_cause, start_failure
from llmbatch.core.engine_settings import Accelerator, EchoOptions, EngineSettings
from llmbatch.core.errors import RowError
from llmbatch.core.states import ErrorClass

IMAGE = [{"type": "image_url", "image_url": {"url": "http://169.254.169.254/"}}]

BAD_ROWS = {
    "not JSON": ("chat", "{", ErrorClass.INVALID, "not JSON"),
    "not an object": ("chat", "[]", ErrorClass.INVALID, "not a JSON object"),
    "no messages": ("chat", {"sampling": {}}, ErrorClass.INVALID, "messages is not a list"),
    "null messages": ("chat", {"messages": None}, ErrorClass.INVALID, "messages is not a list"),
    "empty messages": ("chat", {"messages": []}, ErrorClass.INVALID, "is empty"),
    "no role": ("chat", {"messages": [{"content": "x"}]}, ErrorClass.INVALID, "messages[0]"),
    "null content": ("chat", {"messages": [{"role": "user", "content": None}]}, ErrorClass.INVALID, "content"),
    "an image": ("chat", {"messages": [{"role": "user", "content": IMAGE}]}, ErrorClass.INVALID, "not text"),
    "no prompt": ("completion", {"messages": []}, ErrorClass.INVALID, "prompt"),
    "empty prompt": ("completion", {"prompt": ""}, ErrorClass.INVALID, "prompt"),
    "too hot": ("completion", {"prompt": "x", "sampling": {"temperature": 9}}, ErrorClass.INVALID, "temperature"),
    "unknown sampling": ("completion", {"prompt": "x", "sampling": {"frob": 1}}, ErrorClass.INVALID, "frob"),
    "schema is a text": ("completion", {"prompt": "x", "output_schema": "s"}, ErrorClass.SCHEMA, "output_schema"),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_bad_rows_are_refused_by_name(make, name: str) -> None:
    kind, request, error_class, message = BAD_ROWS[name]
    with pytest.raises(RowError) as caught:
        parse_row(make.staged(1, kind, request))
    assert caught.value.error_class is error_class
    assert message in caught.value.message


def test_text_parts_are_text(make) -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    request = parse_row(make.staged(1, "chat", {"messages": [{"role": "user", "content": parts}]}))
    assert request.messages == [{"role": "user", "content": parts}]


def test_echo_is_deterministic_counts_words_and_stops_at_max_tokens(make) -> None:
    engine = EchoEngine(EchoOptions(), max_model_len=5)
    answer = asyncio.run(engine.generate(make.chat(1, "a b c d", max_tokens=2)))
    assert (answer.text, answer.finish_reason) == ("echo: a b", "length")
    assert (answer.prompt_tokens, answer.completion_tokens) == (4, 2)
    with pytest.raises(RowError) as caught:
        asyncio.run(engine.generate(make.chat(1, "a b c d e")))
    assert caught.value.error_class is ErrorClass.TOO_LONG


@pytest.mark.parametrize(
    ("cores", "text"), [([0], "0"), ([0, 1], "0-1"), ([3, 1, 0, 2, 7], "0-3,7"), ([2, 4, 5], "2,4-5"), ([], "")]
)
def test_core_ranges(cores: list[int], text: str) -> None:
    assert ranges(cores) == text


def test_cpu_engines_get_all_cores_and_gpu_engines_no_cpu_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_PRELOAD", "/lib/mine.so")
    environment = engine_environment(EngineSettings(cpu_kvcache_gib=3), cores=range(4))
    assert environment["VLLM_CPU_OMP_THREADS_BIND"] == "0-3"
    assert environment["VLLM_CPU_KVCACHE_SPACE"] == "3"
    assert "/lib/mine.so" in environment["LD_PRELOAD"].split(":")
    assert engine_environment(EngineSettings(cpu_threads_bind="1,3"))["VLLM_CPU_OMP_THREADS_BIND"] == "1,3"
    gpu = engine_environment(EngineSettings(accelerator=Accelerator.GPU))
    assert not any(name.startswith(("VLLM_CPU", "LD_")) for name in gpu)
    assert gpu["VLLM_NO_USAGE_STATS"] == "1"


@pytest.mark.parametrize(
    ("given", "can", "found"),
    [
        ({}, {"avx2": True, "avx512_bf16": False}, "float32"),
        ({}, {"avx512_f": True, "avx512_bf16": True}, "auto"),
        ({}, {"amx_bf16": True}, "auto"),
        ({"dtype": "bfloat16"}, {"avx2": True}, "bfloat16"),
        ({"accelerator": Accelerator.GPU}, {"avx2": True}, "auto"),
    ],
)
def test_a_cpu_that_cannot_compute_bfloat16_gets_float32(given: Any, can: dict[str, object], found: str) -> None:
    assert dtype_of(EngineSettings(**given), can) == found


def test_start_failure_names_the_cause_and_not_the_pointer_to_it() -> None:
    log = (
        "INFO x\n(EngineCore pid=7) ERROR 11-23 ValueError: No available memory\nRuntimeError: See root cause above.\n"
    )
    assert last_cause(log) == "ValueError: No available memory"
    assert last_cause("all is well") is None
    assert start_failure(OSError("line one\nline two")) == "OSError: line one line two"


def test_requests_survive_the_trip_as_json(make) -> None:
    row = make.chat(1, "\u2028 “quotes” \U0001f600", temperature=0.5, seed=1)
    request = parse_row(row)
    assert request.messages is not None
    assert request.messages[0]["content"] == json.loads(row.request)["messages"][0]["content"]
    assert (request.sampling.temperature, request.sampling.seed, request.sampling.max_tokens) == (0.5, 1, None)


def test_echo_counts_prompts_at_once_and_answers_when_they_are_there(make) -> None:
    async def run() -> list[InFlight]:
        engine = EchoEngine(EchoOptions(seconds_per_row=0.01))
        rows = [asyncio.create_task(engine.generate(make.chat(n, "a b c", max_tokens=2))) for n in range(4)]
        found = [engine.in_flight()]
        await asyncio.sleep(0)
        found.append(engine.in_flight())
        rows[0].cancel()
        await asyncio.gather(*rows, return_exceptions=True)
        return [*found, engine.in_flight()]

    assert asyncio.run(run()) == [InFlight(), InFlight(prompt_read=12, prompt_open=12), InFlight(ended=6)]


def request(prompt: int, tokens: int | None, **changes: Any) -> SimpleNamespace:
    """What vLLM keeps of an open request; ``tokens`` is None while its prompt is read."""
    usual = {
        "prompt_len": prompt,
        "is_prefilling": tokens is None,
        "detokenizer": SimpleNamespace(num_output_tokens=lambda: tokens or 0),
    }
    return SimpleNamespace(**(usual | changes))


def vllm_with(*requests: SimpleNamespace) -> VllmEngine:
    """An engine that has been started as far as its counts go."""
    engine = VllmEngine(EngineSettings(), "model")
    states = {str(n): each for n, each in enumerate(requests)}
    engine._engine = SimpleNamespace(output_processor=SimpleNamespace(request_states=states))  # type: ignore[assignment]
    return engine


def test_vllm_sums_what_it_keeps_of_open_requests() -> None:
    assert VllmEngine(EngineSettings(), "model").in_flight() is None  # not started
    assert vllm_with().in_flight() == InFlight()
    engine = vllm_with(request(10, None), request(20, 3), request(30, 4), request(5, 1, detokenizer=None))
    assert engine.in_flight() == InFlight(ended=0, generated=7, prompt_read=55, prompt_open=65)


@pytest.mark.parametrize(
    "renamed",
    [
        SimpleNamespace(prompt_len=1, is_prefilling=False, tokens=3),
        request(1, 1, detokenizer=SimpleNamespace(num_tokens=3)),
        request(1, 1, detokenizer=SimpleNamespace(num_output_tokens=3)),
        request(1, 1, prompt_len=None),
    ],
)
def test_another_vllm_costs_the_counts_and_one_line_in_the_log(renamed: SimpleNamespace, caplog) -> None:
    engine = vllm_with(request(10, 2), renamed)
    assert [engine.in_flight() for _ in range(3)] == [None] * 3
    assert [record.getMessage().split(" error=")[0] for record in caplog.records] == ["event=live_tokens_unknown"]
