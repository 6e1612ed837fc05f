"""The generated dashboards: fresh, well formed, and every query names what is exported."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from llmbatch.core.config import Config, load_config
from llmbatch.core.metrics import CATALOGUE
from monitoring.dashboards import files
from monitoring.dashboards.queries import INTERVALS, VARIABLES, PanelQuery, panel_queries
from monitoring.dashboards.rendered import DATASOURCE_UID, FOLDER, IMPORTED
from monitoring.known_metrics import known_metrics

REPOSITORY = Path(__file__).parents[2]
BOARDS = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted((REPOSITORY / FOLDER).glob("*.json"))}
QUERIES = panel_queries(REPOSITORY / FOLDER)
LABELS_OF_INFO = {metric.name: set(metric.labels) for metric in CATALOGUE}

Json = dict[str, Any]


@pytest.fixture(scope="module")
def config() -> Config:
    return load_config(REPOSITORY / "config/config.yaml")


def panels(board: Json) -> list[Json]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def test_committed_files_are_fresh(config: Config) -> None:
    stale = [path for path, text in files(config).items() if (REPOSITORY / path).read_text("utf-8") != text]
    assert stale == [], "run `make monitoring`"


def test_no_file_is_left_over(config: Config) -> None:
    kept = {path.relative_to(REPOSITORY) for path in (REPOSITORY / "config/grafana").rglob("*") if path.is_file()}
    assert kept == files(config).keys() - {IMPORTED}


@pytest.mark.parametrize("name", BOARDS)
def test_ids_are_unique(name: str) -> None:
    ids = [panel["id"] for panel in BOARDS[name]["panels"]]
    assert sorted(ids) == sorted(set(ids))
    assert 0 not in ids


def test_uids_are_unique() -> None:
    assert len({board["uid"] for board in BOARDS.values()}) == len(BOARDS) == 6


@pytest.mark.parametrize("name", BOARDS)
def test_panels_do_not_overlap(name: str) -> None:
    def cells(panel: Json) -> set[tuple[int, int]]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        return {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}

    for one, other in combinations(BOARDS[name]["panels"], 2):
        assert not cells(one) & cells(other), (one["title"], other["title"])


@pytest.mark.parametrize("name", BOARDS)
def test_every_panel_says_what_it_shows(name: str) -> None:
    for panel in panels(BOARDS[name]):
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["noValue"], panel["title"]


@pytest.mark.parametrize("name", BOARDS)
def test_every_value_has_a_unit(name: str) -> None:
    for panel in panels(BOARDS[name]):
        if panel["type"] != "table":
            assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
            continue
        shown = panel["transformations"][1]["options"]
        values = {
            shown["renameByName"][field]
            for field in shown["renameByName"]
            if field.startswith("Value") and field not in shown["excludeByName"]
        }
        with_unit = {
            rule["matcher"]["options"]
            for rule in panel["fieldConfig"]["overrides"]
            if any(each["id"] == "unit" for each in rule["properties"])
        }
        assert values <= with_unit, panel["title"]


@pytest.mark.parametrize("name", BOARDS)
def test_the_data_source_is_the_variable(name: str) -> None:
    board = BOARDS[name]
    used = [each["datasource"] for panel in panels(board) for each in (panel, *panel["targets"])]
    used += [variable["datasource"] for variable in board["templating"]["list"] if "datasource" in variable]
    assert {(source["type"], source["uid"]) for source in used} == {("prometheus", "${datasource}")}


@pytest.mark.parametrize("name", BOARDS)
def test_only_variables_of_the_dashboard_and_of_grafana_are_used(name: str) -> None:
    board = BOARDS[name]
    known = {variable["name"] for variable in board["templating"]["list"]} | INTERVALS.keys()
    known |= {"__value", "__data", "__url_time_range"}
    text = json.dumps(board)
    used = set(re.findall(r"\$(\w+)", text)) | set(re.findall(r"\$\{(\w+)", text))
    assert used <= known


@pytest.mark.parametrize("name", BOARDS)
def test_every_chosen_variable_is_used(name: str) -> None:
    board = BOARDS[name]
    text = json.dumps(board)
    for variable in board["templating"]["list"]:
        assert f"${variable['name']}" in text or f"${{{variable['name']}" in text


@pytest.mark.parametrize("name", BOARDS)
def test_links_name_dashboards_that_exist(name: str) -> None:
    uids = {board["uid"] for board in BOARDS.values()}
    assert set(re.findall(r"/d/([\w-]+)/", json.dumps(BOARDS[name]))) <= uids


def selectors(expr: str) -> list[promql_parser.VectorSelector]:
    found: list[promql_parser.VectorSelector] = []

    def visit(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)
        elif isinstance(node, promql_parser.MatrixSelector):
            found.append(node.vector_selector)

    promql_parser.walk(promql_parser.parse(expr), visit)
    return found


def unknown_names(expr: str) -> set[str]:
    """Return metrics that nothing exports, and labels, as ``metric{label}``, that a metric does not have."""
    known = known_metrics()
    wrong: set[str] = set()
    for selector in selectors(expr):
        name = selector.name or "no name"
        labels = {matcher.name for matcher in selector.matchers.matchers}
        wrong |= {name} if name not in known else {f"{name}{{{label}}}" for label in labels - known[name]}
    return wrong


def unknown_groups(expr: str) -> set[str]:
    """Return labels of ``by`` and ``on`` that no metric of the expression has."""
    had = {label for selector in selectors(expr) for label in known_metrics().get(selector.name or "", ())}
    groups = re.findall(r"\b(?:by|on|group_left) \(([^)]*)\)", expr)
    return {label.strip() for group in groups for label in group.split(",") if label.strip()} - had


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: f"{query.dashboard}: {query.panel}")
def test_every_query_names_what_is_exported(query: PanelQuery) -> None:
    expr = query.substituted({**VARIABLES, "job_id": "nightly-eval"})
    assert unknown_names(expr) == set()
    assert unknown_groups(expr) == set()


def test_a_wrong_name_is_found() -> None:
    assert unknown_names('sum(llmbatch_jobz) / llmbatch_jobs{fase="x"}') == {"llmbatch_jobz", "llmbatch_jobs{fase}"}
    assert unknown_groups("sum by (phase, fase) (llmbatch_jobs)") == {"fase"}


@pytest.mark.parametrize("name", BOARDS)
def test_variables_ask_for_labels_that_exist(name: str) -> None:
    for variable in BOARDS[name]["templating"]["list"]:
        if variable["type"] == "query":
            metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"]).groups()  # type: ignore[union-attr]
            assert label in LABELS_OF_INFO[metric]


@pytest.mark.parametrize("name", BOARDS)
def test_legends_name_labels_that_the_query_keeps(name: str) -> None:
    for panel in panels(BOARDS[name]):
        for target in panel["targets"]:
            for label in re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", "")):
                assert re.search(rf"by \([^)]*\b{label}\b[^)]*\)", target["expr"]), (panel["title"], label)


def thresholds(board: Json, title: str) -> list[float]:
    panel = next(panel for panel in panels(board) if panel["title"] == title)
    return [step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"][1:]]


def test_targets_come_from_the_configuration(config: Config) -> None:
    targets = config.monitoring.targets.model_copy(
        update={
            "rows_per_second": 7,
            "output_tokens_per_second": 1234,
            "row_latency_p95_seconds": 9,
            "gpu_memory_ratio": 0.77,
            "error_ratio": 0.03,
            "queue_jobs": 42,
        }
    )
    changed = config.model_copy(update={"monitoring": config.monitoring.model_copy(update={"targets": targets})})
    boards = {path.stem: json.loads(text) for path, text in files(changed).items() if path.parent == FOLDER}
    overview = boards["overview"]
    assert thresholds(overview, "Throughput") == thresholds(overview, "Throughput by model") == [7]
    assert thresholds(overview, "Output tokens") == thresholds(overview, "Output tokens by model") == [1234]
    assert thresholds(overview, "Latency P95") == thresholds(boards["job"], "Row latency") == [9]
    assert thresholds(overview, "GPU memory") == thresholds(boards["cluster"], "GPU memory") == [0.77]
    assert thresholds(overview, "Error rate") == thresholds(boards["job"], "Error rate") == [0.03]
    assert thresholds(overview, "Waiting jobs") == [42]


def test_the_overview_to_import_asks_for_prometheus() -> None:
    imported = json.loads((REPOSITORY / IMPORTED).read_text("utf-8"))
    (field,) = imported["__inputs"]
    assert (field["name"], field["pluginId"]) == ("DS_PROMETHEUS", "prometheus")
    text = json.dumps(imported)
    assert "${DS_PROMETHEUS}" in text
    assert "${datasource}" not in text
    assert [panel["title"] for panel in imported["panels"]] == [
        panel["title"] for panel in BOARDS["overview"]["panels"]
    ]


def test_provisioning_finds_the_dashboards_and_prometheus(config: Config) -> None:
    written = files(config)
    sources = yaml.safe_load(written[Path("config/grafana/provisioning/datasources/llmbatch.yml")])
    assert [source["uid"] for source in sources["datasources"]] == [DATASOURCE_UID]
    (provider,) = yaml.safe_load(written[Path("config/grafana/provisioning/dashboards/llmbatch.yml")])["providers"]
    assert provider["options"]["path"] == "/etc/grafana/dashboards"
