"""Buttons on the task page: Ray's dashboard of the job, and where its results are.

Airflow asks ``get_link`` in the task process whenever the process ends, a deferral included, and stores the answer
over anything pushed before. So the operator keeps what it knows, and a process that knows nothing gives the stored
link again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


class _KeptLink(BaseOperatorLink):
    """A link that the operator keeps in an attribute of this name."""

    attribute = ""

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the address that the operator knows, else the one stored by an earlier process."""
        known = getattr(operator, self.attribute, None)
        if known:
            return str(known)
        return self.stored(ti_key)

    def stored(self, ti_key: TaskInstanceKey) -> str:
        """Return the link that an earlier process of the same attempt stored."""
        from airflow.sdk.execution_time.xcom import XCom

        stored: Any = XCom.get_value(ti_key=cast("Any", ti_key), key=self.xcom_key)
        return str(stored or "")


class RayDashboardLink(_KeptLink):
    """The job's page on Ray's dashboard."""

    attribute = "dashboard_url"

    @property
    def name(self) -> str:
        """Text of the button."""
        return "Ray dashboard"

    @property
    def xcom_key(self) -> str:
        """Where Airflow keeps the link."""
        return "ray_dashboard_link"


class ResultsLink(_KeptLink):
    """Where the job delivers its results."""

    attribute = "results_uri"

    def stored(self, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002 - nothing has to be asked
        """Return nothing: the address is a field of the operator, so every process knows it."""
        return ""

    @property
    def name(self) -> str:
        """Text of the button."""
        return "Results"

    @property
    def xcom_key(self) -> str:
        """Where Airflow keeps the link."""
        return "ray_results_link"
