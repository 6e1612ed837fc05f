"""The dashboard Cost: what finished jobs cost, by model, and what running jobs have cost so far."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from llmbatch.core import metrics as m
from llmbatch.core.config import Config
from monitoring.dashboards.board import Section, Strip, board, labels_of
from monitoring.dashboards.colors import ROWS
from monitoring.dashboards.job_engines import NO_PRICE
from monitoring.dashboards.panels import Query, bars, lines, number
from monitoring.dashboards.promql import RANGE, by_model, counted, per_job

_MODEL = 'model=~"$model"'
_DAY = "1d"
NONE = "no job finished in this time"
NO_COST = f"{NONE}, or {NO_PRICE}"


def cost(config: Config) -> Dashboard:
    """Return the dashboard."""
    del config
    return board(
        "cost",
        "Cost",
        "What finished jobs cost in the chosen time, by model; and what running jobs have cost so far.",
        [
            Section("Chosen time", [Strip(5, _total()), Strip(7, _by_model())]),
            Section("Jobs of the 24 hours before each moment", [Strip(8, _each_day())]),
            Section("Rows of the 24 hours before each moment", [Strip(7, _rows())]),
        ],
        labels_of("model", m.TOKENS.name, "Models of finished jobs.", every=True),
        hours=168,
    )


def _tokens(by: str, window: str = RANGE) -> str:
    return counted(m.TOKENS, by, window, f'{_MODEL}, kind=~"prompt|completion"')


def _per_million(window: str) -> str:
    return f"1e6 * {counted(m.COST, 'model', window, _MODEL)} / ({_tokens('model', window)} > 0)"


def _total() -> list[Panel]:
    return [
        number(
            "Cost",
            "Cost of finished jobs: time of the replicas times the price of config.yaml.",
            "currencyUSD",
            Query(f"sum({counted(m.COST, 'model', RANGE, _MODEL)})", instant=True),
            decimals=2,
            no_value=NO_COST,
        ),
        number(
            "Cost of running jobs",
            "What the jobs that are not over have cost so far.",
            "currencyUSD",
            Query(f"sum({per_job(m.JOB_COST)})"),
            decimals=2,
            no_value=f"no running job, or {NO_PRICE}",
        ),
        number(
            "Replica time",
            "Time that replicas of finished jobs were held.",
            "dtdurations",
            Query(f"sum({counted(m.REPLICA_SECONDS, 'model', RANGE, _MODEL)})", instant=True),
            no_value=NONE,
        ),
        number(
            "Tokens",
            "Tokens read and written by finished jobs.",
            "short",
            Query(f"sum({_tokens('model')})", instant=True),
            no_value=NONE,
        ),
    ]


def _by_model() -> list[Panel]:
    return [
        bars(
            "Cost by model",
            "Cost of finished jobs.",
            "currencyUSD",
            Query(counted(m.COST, "model", RANGE, _MODEL), "{{model}}", instant=True),
            no_value=NO_COST,
        ),
        bars(
            "Cost of a million tokens",
            "Cost of finished jobs over the tokens that they read and wrote, by model.",
            "currencyUSD",
            Query(_per_million(RANGE), "{{model}}", instant=True),
            no_value=NO_COST,
        ),
        bars(
            "Tokens by model and kind",
            "Tokens of finished jobs: read, written, and of those read the ones found in the prefix cache.",
            "short",
            Query(counted(m.TOKENS, "model, kind", RANGE, _MODEL), "{{model}} {{kind}}", instant=True),
            no_value=NONE,
        ),
        bars(
            "Replica time by model and accelerator",
            "Time that replicas of finished jobs were held.",
            "dtdurations",
            Query(
                counted(m.REPLICA_SECONDS, "model, accelerator", RANGE, _MODEL),
                "{{model}} {{accelerator}}",
                instant=True,
            ),
            no_value=NONE,
        ),
    ]


def _each_day() -> list[Panel]:
    return [
        lines(
            "Cost",
            "Cost of jobs that finished in the last 24 hours, by model.",
            "currencyUSD",
            Query(counted(m.COST, "model", _DAY, _MODEL), "{{model}}"),
            stacked=True,
            no_value=NO_COST,
        ),
        lines(
            "Cost of a million tokens",
            "Cost over tokens of jobs that finished in 24 hours. It rises when engines are held idle.",
            "currencyUSD",
            Query(_per_million(_DAY), "{{model}}"),
            no_value=NO_COST,
        ),
        lines(
            "Tokens",
            "Tokens read and written by jobs that finished in the last 24 hours, by model.",
            "short",
            Query(_tokens("model", _DAY), "{{model}}"),
            stacked=True,
            no_value=NONE,
        ),
    ]


def _rows() -> list[Panel]:
    return [
        lines(
            "Rows by outcome",
            "Rows of jobs that finished in the last 24 hours.",
            "short",
            Query(counted(m.ROWS, "outcome", _DAY, _MODEL), "{{outcome}}"),
            colors=ROWS,
            stacked=True,
            no_value=NONE,
        ),
        lines(
            "Failed rows by class",
            "Failed rows of jobs that finished in the last 24 hours.",
            "short",
            Query(counted(m.DEAD_LETTERS, "error_class", _DAY, _MODEL), "{{error_class}}"),
            no_value="no failed row in this time",
        ),
        lines(
            "Cost of running jobs",
            "What the jobs that are not over have cost so far, by model.",
            "currencyUSD",
            Query(by_model("sum", per_job(m.JOB_COST)), "{{model}}"),
            stacked=True,
            no_value=f"no running job, or {NO_PRICE}",
        ),
    ]
