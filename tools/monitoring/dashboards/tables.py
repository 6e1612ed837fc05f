"""Tables: one row for each value of a label, one column for each query."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import common
from grafana_foundation_sdk.builders import table as table_builder
from grafana_foundation_sdk.models.dashboard import DashboardLink, DataTransformerConfig, DynamicConfigValue, Panel

from monitoring.dashboards.colors import mapped
from monitoring.dashboards.panels import DATASOURCE, MISSING, Query, Target, targets


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        title: of the header.
        expr: a query, aggregated by the label that identifies a row; empty: another column's query has ``label``.
        unit: of Grafana; empty for text.
        label: the label that is shown; empty: the value.
        target: colours the cell.
        links: of the cell.
        colors: of the cell, by its text.
    """

    title: str
    expr: str = ""
    unit: str = ""
    label: str = ""
    target: Target | None = None
    links: Sequence[DashboardLink] = ()
    colors: Mapping[str, str] | None = None

    def properties(self) -> list[DynamicConfigValue]:
        """Return how Grafana shows the column."""
        shown: list[DynamicConfigValue] = []
        if self.unit:
            shown.append(DynamicConfigValue("unit", self.unit))
        if self.target:
            shown.append(DynamicConfigValue("thresholds", self.target.thresholds()))
            shown.append(DynamicConfigValue("custom.cellOptions", {"type": "color-text"}))
        if self.colors:
            shown += mapped(self.colors)
        if self.links:
            shown.append(DynamicConfigValue("links", list(self.links)))
        return shown


def table(title: str, description: str, columns: Sequence[Column], *, sort: str = "", no_value: str = "") -> Panel:
    """Return a table of the newest values, in the order of ``columns``.

    The queries are joined over the labels that they have in common.

    Args:
        title: noun.
        description: one or two sentences.
        columns: those with a query become columns A, B, C, …
        sort: title of the column with the largest value first; empty: order of the answer.
        no_value: what an empty table means; empty: there must be a row.
    """
    queried = [column for column in columns if column.expr]
    letters = {column.title: chr(ord("A") + number) for number, column in enumerate(queried)}
    fields = {
        column.title: column.label or (f"Value #{letters[column.title]}" if len(queried) > 1 else "Value")
        for column in columns
    }
    hidden = {"Time": True} | {
        f"Value #{letters[column.title]}" if len(queried) > 1 else "Value": True for column in queried if column.label
    }
    built = (
        table_builder.Panel()
        .title(title)
        .description(description)
        .datasource(DATASOURCE)
        .targets([*targets([Query(column.expr) for column in queried], table=True)])
        .no_value(no_value or MISSING)
        .show_header(True)
        .with_transformation(DataTransformerConfig("merge", options={}))
        .with_transformation(
            DataTransformerConfig(
                "organize",
                options={
                    "excludeByName": hidden,
                    "indexByName": {fields[column.title]: number for number, column in enumerate(columns)},
                    "renameByName": {fields[column.title]: column.title for column in columns},
                },
            )
        )
    )
    if sort:
        built = built.sort_by([common.TableSortByFieldState().display_name(sort).desc(True)])
    for column in columns:
        if column.properties():
            built = built.override_by_name(column.title, column.properties())
    return built.build()
