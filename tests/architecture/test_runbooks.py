"""Every alert has a page in ``docs/runbooks``, every page an alert; all pages have the same headings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
RULES = ROOT / "config" / "prometheus" / "rules.yml"
ROUTES = ROOT / "config" / "alertmanager" / "alertmanager.yml"
PAGES = sorted((DOCS / "runbooks").glob("*.md"))
HEADINGS = ["Meaning", "Affected", "First look", "Causes and fixes", "Escalate", "Silence"]
MOST_LINES = 40

ALERTS = frozenset(
    """
    LlmbatchJobDeadlineAtRisk LlmbatchJobBurnRateHigh LlmbatchJobDeadlinePassed LlmbatchJobHeartbeatStale
    LlmbatchJobStalled LlmbatchJobEtaUnknown LlmbatchJobModelLoadStuck LlmbatchJobFailedRowsHigh
    LlmbatchJobReplicasMissing LlmbatchJobReplicasFlapping LlmbatchJobRestarting LlmbatchJobWorkRedone
    LlmbatchKvCacheThrashing LlmbatchThroughputLow LlmbatchTokensLow LlmbatchThroughputDropped LlmbatchLatencyHigh
    LlmbatchGpuMemoryHigh LlmbatchGpuIdle LlmbatchQueueBacklog LlmbatchQueueStuck LlmbatchJobsFailing
    LlmbatchDeadLettersEngine LlmbatchStoreErrors LlmbatchStoreSlow LlmbatchAlertUndelivered LlmbatchExporterStale
    LlmbatchGatewayDown LlmbatchStatsdDown LlmbatchClockSkew LlmbatchSchedulerSilent LlmbatchTriggererSilent
    LlmbatchPoolStarving LlmbatchDropFolderSilent LlmbatchRayNodeDown LlmbatchDiskFull LlmbatchOrphanJobs
    LlmbatchBackupMissing LlmbatchWatchdog
    """.split()
)


def test_the_pages_are_those_of_the_alerts() -> None:
    assert {page.stem for page in PAGES} == ALERTS


def test_the_alerts_are_those_of_the_rules() -> None:
    assert set(re.findall(r"^ *- alert: (\w+)$", RULES.read_text(encoding="utf-8"), re.MULTILINE)) == ALERTS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_names_the_alerts_that_silence_it(page: Path) -> None:
    rules = yaml.safe_load(ROUTES.read_text(encoding="utf-8"))["inhibit_rules"]
    named = {
        _alerts(rule["source_matchers"][0])[0] for rule in rules if page.stem in _alerts(rule["target_matchers"][0])
    }
    (line,) = re.findall(r"^Silenced by: (.+?\.)$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"Llmbatch\w+", line)) == named


def _alerts(matcher: str) -> list[str]:
    found = re.fullmatch(r'alertname=~?"(.+)"', matcher)
    assert found, matcher
    return found[1].split("|")


def test_the_runbook_links_every_page() -> None:
    linked = re.findall(r"\(runbooks/(\w+)\.md\)", (DOCS / "runbook.md").read_text(encoding="utf-8"))
    assert set(linked) == ALERTS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_has_its_headings_and_commands(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.findall(r"^# (.+)$", text, re.MULTILINE) == [page.stem]
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS
    sections = re.split(r"^## .+$", text, flags=re.MULTILINE)
    assert all(section.strip() for section in sections), "a section is empty"
    assert "```bash\n" in sections[3]
    assert len(text.splitlines()) <= MOST_LINES
