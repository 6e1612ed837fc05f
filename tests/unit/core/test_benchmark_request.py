"""The request of a benchmark: its grid, and what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from llmbatch.core.benchmark_request import MOST_SETTINGS, parse_benchmark
from llmbatch.core.errors import RequestError
from llmbatch.core.job_request import parse_request
from llmbatch.core.request_options import SpeedOptions

INPUT = {"input_uri": "s3://b/in.jsonl"}
PAGE = Path(__file__).parents[3] / "docs" / "benchmark.md"


def test_the_grid_is_the_product_of_the_lists_each_setting_once() -> None:
    request = parse_benchmark({**INPUT, "batch_sizes": [64, 128, 64], "enforce_eager": [True, False]})
    assert request.settings() == (
        SpeedOptions(batch_size=64, enforce_eager=True),
        SpeedOptions(batch_size=64, enforce_eager=False),
        SpeedOptions(batch_size=128, enforce_eager=True),
        SpeedOptions(batch_size=128, enforce_eager=False),
    )


def test_without_a_list_config_yaml_s_own_setting_is_measured() -> None:
    request = parse_benchmark(INPUT)
    assert (request.settings(), request.num_samples) == ((SpeedOptions(),), 100)


def test_the_single_names_are_lists_of_one_value() -> None:
    request = parse_benchmark({**INPUT, "batch_size": 256, "concurrency": 4, "num_samples": 100, "batch_sizes": []})
    assert request.settings() == (SpeedOptions(batch_size=256, concurrency=4),)


def test_each_job_is_a_valid_request_on_the_same_sample_without_adopted_settings() -> None:
    sent = {**INPUT, "num_samples": 7, "max_tokens": 9, "prompt_column": "text", "model": "small", "sla_hours": 2}
    request = parse_benchmark({**sent, "chunked_prefill": [False]})
    job = parse_request(dict(request.job_conf(request.settings()[0])))
    assert (job.input_uri, job.prompt_column, job.model, job.sla_hours) == ("s3://b/in.jsonl", "text", "small", 2)
    assert (job.sample_rows, job.sampling.max_tokens) == (7, 9)
    assert (job.engine.chunked_prefill, job.engine.batch_size, job.engine.tuned) == (False, None, False)


@pytest.mark.parametrize(
    ("conf", "field", "words"),
    [
        ({"input_uri": None}, "input_uri", "required"),
        ({"batch_sizes": [64, 0]}, "batch_sizes.1", "got 0"),
        ({"batch_sizes": 64}, "batch_sizes", "got 64"),
        ({"batch_size": "many"}, "batch_sizes.0", "got 'many'"),
        ({"batch_size": 8, "batch_sizes": [8]}, "batch_size", "Keep batch_sizes"),
        ({"enforce_eager": [0]}, "enforce_eager.0", "boolean"),
        ({"num_samples": 10_001}, "num_samples", "10000"),
        ({"batchsizes": [1]}, "batchsizes", "Known fields: input_uri"),
    ],
)
def test_what_is_wrong_is_named(conf: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(RequestError, match=words) as caught:
        parse_benchmark({**INPUT, **conf})
    assert caught.value.field == field


def test_a_grid_that_is_too_large_names_the_longest_list() -> None:
    sizes = [*range(1, MOST_SETTINGS // 2 + 2)]
    assert len(parse_benchmark({**INPUT, "concurrencies": sizes[:-1], "enforce_eager": [True, False]}).settings()) == 32
    with pytest.raises(RequestError, match="17 concurrency x 2 enforce_eager are 34 settings") as caught:
        parse_benchmark({**INPUT, "concurrencies": sizes, "enforce_eager": [True, False]}).settings()
    assert caught.value.field == "concurrencies"


def test_a_huge_grid_is_refused_before_it_is_built() -> None:
    sizes = list(range(1, 1025))
    huge = {"batch_sizes": sizes, "concurrencies": sizes, "max_num_batched_tokens": list(range(64, 4096))}
    with pytest.raises(RequestError, match="are 4227858432 settings"):
        parse_benchmark({**INPUT, **huge}).settings()


def test_the_example_of_the_documentation_is_a_benchmark() -> None:
    found = re.search(r"llmbatch_benchmark --conf '(.+?)'", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    assert len(parse_benchmark(json.loads(found[1])).settings()) == 6
