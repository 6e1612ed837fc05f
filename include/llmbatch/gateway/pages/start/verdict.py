"""A decision about a deadline in words."""

from __future__ import annotations

from dataclasses import dataclass

from llmbatch.core.admission import Admission, Feasibility
from llmbatch.core.durations import duration


@dataclass(frozen=True)
class Verdict:
    """What is shown of a decision: a level for its colour, one or two words, a sentence."""

    level: str
    word: str
    sentence: str


_SHOWN = {
    Feasibility.ACCEPTED: ("ok", "In time"),
    Feasibility.AT_RISK: ("yellow", "At risk"),
    Feasibility.INFEASIBLE: ("critical", "Too late"),
}


def verdict_of(admission: Admission) -> Verdict:
    """Return the words for a decision. Times are from the decision on, so they fit to any time zone."""
    if admission.eta_p50 is None or admission.eta_p90 is None:
        return Verdict("other", "Unknown", f"There is no prediction: {admission.reason}. Such a job is accepted.")
    left = (admission.deadline - admission.decided_at).total_seconds()
    level, word = _SHOWN[admission.verdict]
    sentence = (
        f"The job would end in {duration(admission.eta_p50)}, with 90 % certainty in {duration(admission.eta_p90)}; "
        f"the deadline is in {duration(left)}."
    )
    return Verdict(level, word, " ".join((sentence, *_more(admission))))


def _more(admission: Admission) -> list[str]:
    found = []
    if admission.breaks:
        found.append(f"{_jobs(len(admission.breaks), 'other ')} would miss {_their(len(admission.breaks))} deadline.")
    if admission.verdict is not Feasibility.ACCEPTED:
        if admission.earliest_finish is not None:
            ends = (admission.earliest_finish - admission.decided_at).total_seconds()
            found.append(f"The earliest deadline that can be kept is in {duration(ends)}.")
        if admission.replicas_needed is not None and admission.replicas_needed > admission.replicas:
            found.append(f"{admission.replicas_needed} replicas would keep this one.")
    if admission.jobs_unknown:
        found.append(f"{_jobs(admission.jobs_unknown)} of unknown size in the queue {_count(admission)} not counted.")
    return found


def _jobs(count: int, word: str = "") -> str:
    return f"{count} {word}{'job' if count == 1 else 'jobs'}"


def _their(count: int) -> str:
    return "its" if count == 1 else "their"


def _count(admission: Admission) -> str:
    return "is" if admission.jobs_unknown == 1 else "are"
