"""A job whose rows are classified on a real engine."""

from __future__ import annotations

import pytest

from fakes.cluster_jobs import Job, outcomes
from tiny_models import LABELS, tiny_classifier

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


def test_classes(job: Job) -> None:
    one, two, chat = outcomes(
        job,
        tiny_classifier(),
        [
            ("/classify", {"input": "what a day"}),
            ("/classify", {"input": ["what a day", "oh no"]}),
            ("/v1/chat/completions", {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 8}),
        ],
        options={"runner": "pooling"},
    )
    (first,), pair = one[0]["data"], two[0]["data"]
    assert [each["index"] for each in pair] == [0, 1]
    assert pair[0]["probs"] == pytest.approx(first["probs"], abs=1e-3)
    for each in pair:
        assert each["num_classes"] == len(LABELS)
        assert sum(each["probs"]) == pytest.approx(1, abs=1e-3)
        assert each["label"] == LABELS[each["probs"].index(max(each["probs"]))]
    assert (one[2], two[1] > one[1]) == (0, True)
    assert isinstance(chat, str)
    assert "/v1/chat/completions" in chat
