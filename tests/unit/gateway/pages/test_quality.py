from __future__ import annotations

import pytest

from fakes.plotly_figures import valid
from fakes.sla_figures import NO_REPORT, accuracy, alerts, report
from llmbatch.gateway.pages.quality import Card, Verdict, cards, drawn
from llmbatch.orchestrator.sla_report.figures import Cost
from llmbatch.orchestrator.sla_report.figures import Figures as SlaFigures


def card(found: SlaFigures, name: str) -> Card:
    return next(each for each in cards(found) if each.name == name)


def test_each_number_is_shown_with_its_unit() -> None:
    assert {each.name: each.value for each in cards(report())} == {
        "Deadlines met": "75.0 %",
        "ETA error at a quarter": "9.0 %",
        "ETA error at half": "6.0 %",
        "80 % interval": "81.0 %",
        "Bias of the ETA": "\N{MINUS SIGN}3.0 %",
        "Alert precision": "75 %",
        "Alert recall": "75 %",
        "Alert lead": "42.0 %",
        "Cost": "$20.00",
    }


@pytest.mark.parametrize(
    ("changes", "name", "verdict"),
    [
        ({"eta": accuracy(median_error_pct={"25": 10.0})}, "ETA error at a quarter", Verdict.MET),
        ({"eta": accuracy(median_error_pct={"25": 10.1})}, "ETA error at a quarter", Verdict.MISSED),
        ({"eta": accuracy(median_error_pct={})}, "ETA error at half", None),
        ({"eta": accuracy(coverage80_pct=74.9)}, "80 % interval", Verdict.MISSED),
        ({"eta": accuracy(coverage80_pct=85.0)}, "80 % interval", Verdict.MET),
        ({"eta": accuracy(coverage80_pct=85.1)}, "80 % interval", Verdict.MISSED),
        ({"alerts": alerts(precision=0.9)}, "Alert precision", Verdict.MET),
        ({"alerts": alerts(recall=0.94)}, "Alert recall", Verdict.MISSED),
        ({"alerts": alerts(lead_pct=None)}, "Alert lead", None),
        ({}, "Deadlines met", None),
    ],
)
def test_a_number_is_compared_with_its_goal(changes: dict[str, object], name: str, verdict: Verdict | None) -> None:
    assert card(report(jobs=10, **changes), name).verdict is verdict


def test_few_jobs_are_not_judged() -> None:
    assert {each.verdict for each in cards(report(jobs=9))} == {None}
    assert {each.verdict for each in cards(report(jobs=10))} == {None, Verdict.MET, Verdict.MISSED}


@pytest.mark.parametrize(
    ("bias", "value", "word"),
    [(-3.0, "\N{MINUS SIGN}3.0 %", "longer"), (2.0, "+2.0 %", "earlier"), (0.2, "+0.2 %", "neither"), (None, "", "No")],
)
def test_the_bias_is_said_in_words(bias: float | None, value: str, word: str) -> None:
    found = card(report(eta=accuracy(bias_pct=bias)), "Bias of the ETA")
    assert found.value == value
    assert word in found.note


def test_without_a_price_hours_are_shown() -> None:
    on_gpus = Cost(gpu_hours=8.0, replica_hours=4.0, usd=None, usd_per_million_tokens=None)
    assert card(report(cost=on_gpus), "GPU hours").value == "8.0"
    on_cpus = on_gpus.model_copy(update={"gpu_hours": 0.0})
    assert card(report(cost=on_cpus), "Replica hours").value == "4.0"


def test_all_figures_of_a_report_are_drawn() -> None:
    found = drawn(report()).figures
    assert set(found) == {"attainment", "calibration", "error", "alerts", "throughput", "spent"}
    for figure in found.values():
        valid(figure)


def test_without_a_finished_job_nothing_is_drawn() -> None:
    assert set(drawn(NO_REPORT).figures.values()) == {None}
    assert [each.value for each in cards(NO_REPORT)][:8] == [""] * 8
