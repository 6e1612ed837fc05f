"""A decision in words."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fakes.finished_jobs import NOW, job_id
from llmbatch.core.admission import Admission, Feasibility
from llmbatch.gateway.pages.start.verdict import verdict_of


def _said(verdict: Feasibility, **fields: object) -> Admission:
    given = {"eta_p50": 3600.0, "eta_p90": 5400.0, **fields}
    return Admission(
        job_id=job_id(1), verdict=verdict, decided_at=NOW, deadline=NOW + timedelta(hours=2), replicas=1, reason="r",
        **given,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("verdict", "level", "word"),
    [
        (Feasibility.ACCEPTED, "ok", "In time"),
        (Feasibility.AT_RISK, "yellow", "At risk"),
        (Feasibility.INFEASIBLE, "critical", "Too late"),
    ],
)
def test_each_verdict_has_a_colour_a_word_and_a_sentence(verdict: Feasibility, level: str, word: str) -> None:
    found = verdict_of(_said(verdict))
    assert (found.level, found.word) == (level, word)
    assert found.sentence == "The job would end in 1 h, with 90 % certainty in 1 h 30 min; the deadline is in 2 h."


def test_what_would_help_is_said() -> None:
    said = _said(
        Feasibility.INFEASIBLE, earliest_finish=NOW + timedelta(hours=5), replicas_needed=4, breaks=("a", "b"),
        jobs_unknown=1,
    )  # fmt: skip
    sentence = verdict_of(said).sentence
    assert "2 other jobs would miss their deadline. The earliest deadline that can be kept is in 5 h." in sentence
    assert "4 replicas would keep this one. 1 job of unknown size in the queue is not counted." in sentence
    accepted = verdict_of(said.model_copy(update={"verdict": Feasibility.ACCEPTED, "breaks": ("a",)})).sentence
    assert "1 other job would miss its deadline." in accepted
    assert "replicas" not in accepted


def test_without_history_nobody_knows() -> None:
    found = verdict_of(_said(Feasibility.ACCEPTED, eta_p50=None, eta_p90=None))
    assert (found.level, found.sentence) == ("other", "There is no prediction: r. Such a job is accepted.")
