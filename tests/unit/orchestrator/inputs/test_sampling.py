"""Sampling parameters of a row over those of the job."""

from __future__ import annotations

import pytest

from fakes.input_rows import request_of, rows_of
from llmbatch.core.errors import RowError
from llmbatch.core.request_options import InputFormat
from llmbatch.core.sampling import DEFAULT_MAX_TOKENS, Sampling
from llmbatch.core.states import ErrorClass
from llmbatch.orchestrator.inputs.sampling import SamplingMerge, canonical


def test_seeds_of_rows_are_checked_and_kept() -> None:
    body = b"\n".join(
        b'{"prompt": "a", "sampling": {"seed": %s, "top_k": 3}}' % s for s in (b"1", b"2", b"1e400", b"%d" % 2**63)
    )
    rows = rows_of(body, InputFormat.JSONL, sampling={"seed": 9, "max_tokens": 8})
    assert request_of(rows[0])["sampling"] == {"max_tokens": 8, "seed": 1, "top_k": 3}
    assert request_of(rows[1])["sampling"] == {"max_tokens": 8, "seed": 2, "top_k": 3}
    assert ["`seed`" in row.error for row in rows[2:]] == [True, True]


def test_a_row_overrides_the_job_and_max_tokens_is_always_set() -> None:
    merge = SamplingMerge(Sampling(temperature=0.5, seed=1))
    assert merge.merged({}) == ('{"max_tokens":256,"seed":1,"temperature":0.5}', DEFAULT_MAX_TOKENS)
    assert merge.merged({"temperature": 0, "max_tokens": 7}) == ('{"max_tokens":7,"seed":1,"temperature":0.0}', 7)
    assert merge.merged({"temperature": 0, "max_tokens": 8}).max_tokens == 8
    assert merge.merged({"seed": 2, "max_tokens": 7}).text == '{"max_tokens":7,"seed":2,"temperature":0.5}'
    assert merge.merged({"seed": 3, "max_tokens": 7}).text == '{"max_tokens":7,"seed":3,"temperature":0.5}'


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"heat": 1}, "`heat` is not a parameter"),
        ({"temperature": 9}, "`temperature`: input should be less than or equal to 2"),
        ({"min_tokens": 11}, "min_tokens 11 is more than max_tokens 10"),
        ({"seed": 2**63}, "`seed`"),
    ],
)
def test_a_bad_parameter_is_an_error_with_its_name(body: dict[str, object], reason: str) -> None:
    with pytest.raises(RowError) as caught:
        SamplingMerge(Sampling(max_tokens=10)).merged(body)
    assert caught.value.error_class is ErrorClass.INVALID
    assert reason in caught.value.message


def test_equal_values_have_equal_text() -> None:
    assert canonical({"b": [1, "ä"], "a": None}) == canonical({"a": None, "b": [1, "ä"]}) == '{"a":null,"b":[1,"ä"]}'
