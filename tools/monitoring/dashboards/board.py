"""One dashboard: sections of strips of panels on Grafana's grid of 24 columns, with variables and links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.models.dashboard import (
    AnnotationContainer,
    Dashboard,
    DashboardCursorSync,
    DashboardDashboardTemplating,
    DashboardDashboardTime,
    DashboardLink,
    DashboardLinkType,
    GridPos,
    Panel,
    RowPanel,
    VariableModel,
    VariableRefresh,
    VariableSort,
    VariableType,
)

from llmbatch.core.config import Config
from monitoring.dashboards.panels import DATASOURCE

COLUMNS = 24
TAG = "llmbatch"

JOB_PAGE = "${{airflow_url}}/llmbatch/ui/jobs/{job}"
"""The page of a job in Airflow's UI."""
AIRFLOW_RUN = '${airflow_url}/dags/${__data.fields["DAG"]}/runs/${__data.fields["Run"]:percentencode}'
"""The run of the job of a table's row."""


@dataclass(frozen=True)
class Strip:
    """Panels side by side; without ``widths``, all have the same."""

    height: int
    panels: Sequence[Panel]
    widths: Sequence[int] = ()

    def cells(self) -> list[tuple[Panel, int]]:
        """Return the panels with their widths, which fill the grid.

        Raises:
            ValueError: for widths that do not fill it.
        """
        widths = self.widths or [COLUMNS // len(self.panels)] * len(self.panels)
        if sum(widths) != COLUMNS:
            raise ValueError(f"widths {list(widths)} of {[panel.title for panel in self.panels]} are not {COLUMNS}")
        return list(zip(self.panels, widths, strict=True))


@dataclass(frozen=True)
class Section:
    """A titled row and the strips under it."""

    title: str
    strips: Sequence[Strip]


def board(
    uid: str,
    title: str,
    description: str,
    sections: Sequence[Section],
    *variables: VariableModel,
    links: Sequence[DashboardLink] = (),
    hours: int = 3,
) -> Dashboard:
    """Return a dashboard with ids and grid positions in reading order.

    Args:
        uid: without the prefix ``llmbatch-``.
        title: without the prefix.
        description: one sentence.
        sections: from top to bottom.
        variables: besides the data source.
        links: besides those to the other dashboards.
        hours: of the time range that it opens with.
    """
    return Dashboard(
        uid=f"{TAG}-{uid}",
        title=f"llmbatch: {title}",
        description=f"{description} Generated: change tools/monitoring/dashboards and run `make monitoring`.",
        tags=[TAG],
        editable=False,
        graph_tooltip=DashboardCursorSync.CROSSHAIR,
        time=DashboardDashboardTime(f"now-{hours}h", "now"),
        refresh="30s",
        panels=_placed(sections),
        templating=DashboardDashboardTemplating([_datasource(), *variables]),
        annotations=AnnotationContainer([]),
        links=[_siblings(), *links],
    )


def labels_of(name: str, metric: str, description: str, *, every: bool = False) -> VariableModel:
    """Return a variable with the values of the label ``name``; with ``every``, several and all may be chosen."""
    return VariableModel(
        type_val=VariableType.QUERY,
        name=name,
        label=name.replace("_", " "),
        description=description,
        datasource=DATASOURCE,
        query={"query": f"label_values({metric}, {name})", "refId": "StandardVariableQuery"},
        definition=f"label_values({metric}, {name})",
        refresh=VariableRefresh.ON_TIME_RANGE_CHANGED,
        sort=VariableSort.ALPHABETICAL_ASC,
        multi=every,
        include_all=every,
        all_value=".*" if every else None,
    )


def airflow_address(config: Config) -> VariableModel:
    """Return the text field that links to runs and job pages start with."""
    return VariableModel(
        type_val=VariableType.TEXTBOX,
        name="airflow_url",
        label="Airflow",
        description="Address of Airflow in a browser; links to runs and job pages start with it.",
        query=config.gateway.airflow_url or "http://localhost:8080",
    )


def _datasource() -> VariableModel:
    return VariableModel(type_val=VariableType.DATASOURCE, name="datasource", label="Prometheus", query="prometheus")


def _siblings() -> DashboardLink:
    return DashboardLink(
        title="llmbatch",
        type_val=DashboardLinkType.DASHBOARDS,
        icon="external link",
        tags=[TAG],
        keep_time=True,
        as_dropdown=False,
    )


def _placed(sections: Sequence[Section]) -> list[Panel | RowPanel]:
    placed: list[Panel | RowPanel] = []
    y = 0
    for section in sections:
        placed.append(RowPanel(title=section.title, id_val=len(placed) + 1, grid_pos=GridPos(1, COLUMNS, 0, y)))
        y += 1
        for strip in section.strips:
            x = 0
            for panel, width in strip.cells():
                panel.id_val = len(placed) + 1
                panel.grid_pos = GridPos(strip.height, width, x, y)
                placed.append(panel)
                x += width
            y += strip.height
    return placed
