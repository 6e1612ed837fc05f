"""Every alert fires when it should and not a minute before, stays silent at near misses, and says what is wrong."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from alert_cases.case import Fires, Quiet
from alert_cases.programs import Program
from alert_cases.promtool import CASES, write_tests, write_views
from llmbatch.core.metrics import CATALOGUE
from llmbatch.core.monitoring_settings import MonitoringConfig, TargetsConfig
from monitoring.alert_rules import alert_rules
from monitoring.inputs import metrics, selected
from monitoring.known_metrics import known_metrics
from monitoring.prometheus import rule_groups
from monitoring.recording_rules import RECORDINGS
from monitoring.rule import Rule, Severity

RULES = alert_rules(TargetsConfig())
FIRES = [case for case in CASES if isinstance(case, Fires)]


def promtool(program: Program, *words: object) -> tuple[int, str]:
    done = subprocess.run([program("promtool"), *map(str, words)], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_rules_fire_as_they_should(program: Program, tmp_path: Path) -> None:
    code, output = promtool(program, "test", "rules", *(write_tests(tmp_path, rule) for rule in RULES))
    assert code == 0, output


def test_prometheus_accepts_the_rules(program: Program, tmp_path: Path) -> None:
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump(rule_groups(MonitoringConfig(), RULES)))
    code, output = promtool(program, "check", "rules", "--lint=all", "--lint-fatal", path)
    assert code == 0, output


def test_a_description_has_the_values(program: Program, tmp_path: Path) -> None:
    """Promtool prints what it got instead of nothing."""
    _, output = promtool(program, "test", "rules", *(write_views(tmp_path, rule) for rule in RULES))
    got = re.findall(r'alertname="(\w+)".*?description="(.*?)", runbook_url="(.*?)"', output, re.DOTALL)
    assert [(name, text) for name, text, _ in got if re.search("<error|<no value>|{{", text)] == []
    silent = [case for case in FIRES if not any(name == case.alert and case.says in text for name, text, _ in got)]
    assert silent == [], output
    assert {url for name, _, url in got if not url.endswith(f"/{name}.md")} == set()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.alert)
def test_an_alert_has_a_firing_case_and_a_near_miss(rule: Rule) -> None:
    assert any(case.alert == rule.alert for case in FIRES)
    near = any(isinstance(case, Quiet) and case.alert == rule.alert for case in CASES)
    assert near or rule.severity is Severity.NONE


def test_cases_name_alerts_that_exist() -> None:
    assert {case.alert for case in CASES} - {rule.alert for rule in RULES} == set()
    assert len({rule.alert for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("each", [*RULES, *RECORDINGS], ids=lambda each: getattr(each, "alert", None) or each.record)
def test_an_expression_reads_only_what_is_exported(each: Rule) -> None:
    """A metric that nothing exports makes a rule that never fires, without an error."""
    known = known_metrics()
    assert metrics(each.expr) <= known.keys()
    for selector, labels in re.findall(r"(\w+)\{([^}]*)\}", each.expr):
        assert set(re.findall(r"(\w+)[=!]~?", labels)) <= known.get(selector, {"result"})


def test_a_recording_is_read() -> None:
    """By an alert or another recording; the rest is for dashboards."""
    read = set().union(*(selected(each.expr) for each in (*RULES, *RECORDINGS)))
    unread = {recording.record for recording in RECORDINGS} - read
    assert unread == {"llmbatch:output_tokens:rate_by_model", "llmbatch:gpu_memory_used:bytes"}
    assert read - known_metrics().keys() <= {recording.record for recording in RECORDINGS}


def test_texts_are_for_a_person() -> None:
    for rule in RULES:
        assert rule.summary.endswith("."), rule.alert
        assert "{{" not in rule.summary, rule.alert
        assert "$value" in rule.description, rule.alert
        assert "First " in rule.description or rule.severity is Severity.NONE, rule.alert


def test_descriptions_name_commands_that_exist() -> None:
    page = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text()
    commands = {name for rule in RULES for name in re.findall(r"\bllmbatch ([a-z]+)\b", rule.description)}
    assert commands == {"show"}
    assert all(f"`llmbatch {name} " in page for name in commands)


def test_targets_come_from_the_configuration() -> None:
    targets = TargetsConfig(
        rows_per_second=11, output_tokens_per_second=2222, row_latency_p95_seconds=33, gpu_memory_ratio=0.44,
        error_ratio=0.055, queue_jobs=66,
    )  # fmt: skip
    changed = {rule.alert: rule for rule in alert_rules(targets) if rule not in RULES}
    assert {
        name: re.findall(r"[<>] ([\d.]+)", rule.expr)[0] for name, rule in changed.items()
    } == {
        "LlmbatchJobFailedRowsHigh": "0.055", "LlmbatchLatencyHigh": "33", "LlmbatchThroughputLow": "11",
        "LlmbatchTokensLow": "2222", "LlmbatchGpuMemoryHigh": "0.44", "LlmbatchQueueBacklog": "66",
    }  # fmt: skip
    assert "5.5 %" in changed["LlmbatchJobFailedRowsHigh"].description


def test_labels_and_links_come_from_the_configuration() -> None:
    config = MonitoringConfig(team="batch", runbook_url="https://runbook.example/pages/")
    text = str(rule_groups(config, alert_rules(config.targets)))
    assert text.count("'team': 'batch'") == len(RULES)
    assert "'https://runbook.example/pages/LlmbatchJobStalled.md'" in text


def test_every_fault_that_the_catalogue_counts_has_an_alert() -> None:
    """Gauges and counters that rise with a fault only."""
    faults = {metric.name for metric in CATALOGUE if re.search("lost|redone|dead_letter|failed|orphans", metric.name)}
    read = set().union(*(metrics(rule.expr) for rule in RULES))
    assert faults - read == {"llmbatch_job_dead_letter_rows"}
