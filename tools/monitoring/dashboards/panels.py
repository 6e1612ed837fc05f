"""The kinds of panels, over the Grafana SDK: each has a title, a description, a unit and its queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import bargauge, common, gauge, stat, timeseries
from grafana_foundation_sdk.builders import prometheus as prometheus_builder
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models.dashboard import (
    DashboardLink,
    DashboardLinkType,
    DynamicConfigValue,
    FieldColor,
    FieldColorModeId,
    Panel,
    Threshold,
    ThresholdsConfig,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from monitoring.dashboards.colors import fixed

DATASOURCE = kinds.DataSourceRef(type_val="prometheus", uid="${datasource}")

GOOD, BAD, NEUTRAL = "green", "red", "text"

MISSING = "no data"
NO_JOB = "no running job"
NO_GPU = "no GPU"


@dataclass(frozen=True)
class Query:
    """One query of a panel.

    Attributes:
        expr: PromQL.
        legend: name of each series; ``{{label}}`` is replaced.
        instant: whether only the newest value is read.
    """

    expr: str
    legend: str = ""
    instant: bool = False


@dataclass(frozen=True)
class Target:
    """The line between good and bad values.

    Attributes:
        value: in the unit of the panel.
        least: whether values from here on are good; else values from here on are bad.
    """

    value: float
    least: bool = False

    def thresholds(self) -> ThresholdsConfig:
        """Return the two steps of Grafana."""
        below, above = (BAD, GOOD) if self.least else (GOOD, BAD)
        return ThresholdsConfig(steps=[Threshold(value=None, color=below), Threshold(value=self.value, color=above)])


def targets(queries: Sequence[Query], *, table: bool = False) -> list[prometheus_builder.Dataquery]:
    """Return the queries of a panel, named A, B, C, …; those of a table ask for the newest values."""
    built = []
    for number, query in enumerate(queries):
        target = prometheus_builder.Dataquery().expr(query.expr).datasource(DATASOURCE).ref_id(chr(ord("A") + number))
        target = target.instant() if query.instant or table else target.range()
        if query.legend:
            target = target.legend_format(query.legend)
        built.append(target.format(PromQueryFormat.TABLE) if table else target)
    return built


def _thresholds(panel: Panel, target: Target | None) -> Panel:
    assert panel.field_config is not None
    defaults = panel.field_config.defaults
    defaults.thresholds = (
        target.thresholds() if target else ThresholdsConfig(steps=[Threshold(value=None, color=NEUTRAL)])
    )
    defaults.color = FieldColor(mode=FieldColorModeId.THRESHOLDS)
    return panel


def _last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)


def lines(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    target: Target | None = None,
    stacked: bool = False,
    fan: tuple[str, str] | None = None,
    colors: Mapping[str, str] | None = None,
    top: float | None = None,
    no_value: str = "",
) -> Panel:
    """Return a graph over time.

    Args:
        title: noun.
        description: one or two sentences: what it shows, and what to do about it.
        unit: of Grafana.
        queries: one or more.
        target: shown as a dashed line.
        stacked: whether series are parts of a whole.
        fan: two legends; the space between the lower and the upper one is filled.
        colors: by legend.
        top: upper end of the axis.
        no_value: what the absence of all series means; empty: there must be series.
    """
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .unit(unit)
        .datasource(DATASOURCE)
        .targets([*targets(queries)])
        .no_value(no_value or MISSING)
        .line_width(1)
        .fill_opacity(30 if stacked else 0)
        .show_points(kinds.VisibilityMode.NEVER)
        .tooltip(common.VizTooltipOptions().mode(kinds.TooltipDisplayMode.MULTI).sort(kinds.SortOrder.DESCENDING))
        .legend(common.VizLegendOptions().display_mode(kinds.LegendDisplayMode.LIST).show_legend(True).calcs([]))
        .axis_soft_min(0)
    )
    if top is not None:
        panel = panel.max(top)
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(kinds.StackingMode.NORMAL).group("A"))
    if fan:
        lower, upper = fan
        filled = [DynamicConfigValue("custom.fillBelowTo", lower), DynamicConfigValue("custom.fillOpacity", 15)]
        panel = panel.override_by_name(upper, filled)
    for name, color in (colors or {}).items():
        panel = panel.override_by_name(name, fixed(color))
    if target:
        panel = panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(kinds.GraphThresholdsStyleMode.DASHED))
    built = panel.build()
    if target:
        _thresholds(built, target)
        assert built.field_config is not None
        built.field_config.defaults.color = FieldColor(mode=FieldColorModeId.PALETTE_CLASSIC)
    return built


def number(
    title: str,
    description: str,
    unit: str,
    query: Query,
    *,
    target: Target | None = None,
    decimals: int | None = None,
    name: bool = False,
    colors: Mapping[str, str] | None = None,
    no_value: str = "",
) -> Panel:
    """Return the newest value as a large number above a small graph; with ``name``, the legend is what it shows."""
    panel = (
        stat.Panel()
        .title(title)
        .description(description)
        .unit(unit)
        .datasource(DATASOURCE)
        .targets([*targets([query])])
        .no_value(no_value or MISSING)
        .reduce_options(_last())
        .color_mode(kinds.BigValueColorMode.VALUE)
        .graph_mode(kinds.BigValueGraphMode.NONE if name or query.instant else kinds.BigValueGraphMode.AREA)
        .text_mode(kinds.BigValueTextMode.NAME if name else kinds.BigValueTextMode.AUTO)
    )
    if decimals is not None:
        panel = panel.decimals(decimals)
    for state, color in (colors or {}).items():
        panel = panel.override_by_name(state, fixed(color))
    return _thresholds(panel.build(), target)


def dial(
    title: str, description: str, unit: str, query: Query, *, target: Target | None = None, no_value: str = ""
) -> Panel:
    """Return the newest value of a part of a whole, 0 to 1."""
    panel = (
        gauge.Panel()
        .title(title)
        .description(description)
        .unit(unit)
        .min(0)
        .max(1)
        .datasource(DATASOURCE)
        .targets([*targets([query])])
        .no_value(no_value or MISSING)
        .reduce_options(_last())
    )
    return _thresholds(panel.build(), target)


def bars(title: str, description: str, unit: str, query: Query, *, no_value: str = "") -> Panel:
    """Return one horizontal bar for each series of an instant query."""
    panel = (
        bargauge.Panel()
        .title(title)
        .description(description)
        .unit(unit)
        .datasource(DATASOURCE)
        .targets([*targets([query])])
        .no_value(no_value or MISSING)
        .min(0)
        .reduce_options(_last())
        .orientation(kinds.VizOrientation.HORIZONTAL)
        .display_mode(kinds.BarGaugeDisplayMode.BASIC)
    )
    return _thresholds(panel.build(), None)


def link(title: str, url: str) -> DashboardLink:
    """Return a link of a field or a panel, which opens in a new tab."""
    return DashboardLink(title=title, url=url, target_blank=True, type_val=DashboardLinkType.LINK)
