"""Cases as input of ``promtool test rules``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import yaml

from alert_cases import jobs, platform, service
from alert_cases.case import Case, Fires
from llmbatch.core.monitoring_settings import MonitoringConfig
from monitoring.inputs import selected
from monitoring.prometheus import ALERT_GROUP, RECORDING_GROUP, rule_groups
from monitoring.recording_rules import RECORDINGS
from monitoring.rule import Recording, Rule

CASES: tuple[Case, ...] = (*jobs.CASES, *service.CASES, *platform.CASES)


def needed(expr: str, recordings: Sequence[Recording]) -> list[Recording]:
    """Return the recordings that an expression reads, in their order."""
    names = selected(expr)
    for recording in reversed(recordings):
        if recording.record in names:
            names |= selected(recording.expr)
    return [recording for recording in recordings if recording.record in names]


def minutes(rule: Rule) -> int:
    """Return how long an alert is held."""
    found = re.fullmatch(r"(\d+)m", rule.hold)
    assert found, rule.hold
    return int(found[1])


def write_tests(folder: Path, rule: Rule, recordings: Sequence[Recording] = RECORDINGS) -> Path:
    """Write the tests of one alert."""
    tests = [_test(case, minutes(rule)) for case in CASES if case.alert == rule.alert]
    return _write(folder / f"{rule.alert}.yml", rule, recordings, tests)


def write_views(folder: Path, rule: Rule) -> Path:
    """Write tests that fail and print what an alert says when it begins to fire."""
    tests = []
    for case in CASES:
        if case.alert == rule.alert and isinstance(case, Fires):
            view = {"eval_time": f"{case.since + minutes(rule)}m", "alertname": case.alert, "exp_alerts": []}
            tests.append({**_head(case), "alert_rule_test": [view]})
    return _write(folder / f"{rule.alert}-views.yml", rule, RECORDINGS, tests)


def _write(path: Path, rule: Rule, recordings: Sequence[Recording], tests: list[dict[str, object]]) -> Path:
    """Write tests with a rule file of their own: promtool evaluates every rule of it at each minute of each test."""
    rules = path.with_suffix(".rules.yml")
    groups = rule_groups(MonitoringConfig(), [rule], needed(rule.expr, recordings))
    rules.write_text(yaml.safe_dump(groups), encoding="utf-8")
    content = {
        "rule_files": [str(rules)],
        "evaluation_interval": "1m",
        "group_eval_order": [RECORDING_GROUP, ALERT_GROUP],  # else by chance
        "tests": tests,
    }
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return path


def _head(case: Case) -> dict[str, object]:
    return {
        "name": case.alert if isinstance(case, Fires) else f"{case.alert} near miss: {case.name}",
        "interval": "1m",
        "input_series": [{"series": series, "values": values} for series, values in case.series.items()],
    }


def _test(case: Case, hold: int) -> dict[str, object]:
    firing = f'ALERTS{{alertname="{case.alert}",alertstate="firing"}}'
    if isinstance(case, Fires):
        begins = case.since + hold
        checks = [(f"count({firing})", begins, case.count)]
        checks += [(f"count({firing})", begins - 1, 0)] if begins else []
    else:
        checks = [(f"count(count_over_time({firing}[{case.until - case.since}m]))", case.until, 0)]
    return {
        **_head(case),
        "promql_expr_test": [
            {"expr": f"{expr} or vector(0)", "eval_time": f"{at}m", "exp_samples": [{"labels": "{}", "value": value}]}
            for expr, at, value in checks
        ],
    }
