"""Buttons on the task page, and the button to a job's page on Ray's dashboard.

Airflow calls ``get_link`` in the task process whenever the process ends, a deferral included, and stores the answer
over anything pushed before. So the operator keeps the address in an attribute, and a process that has no address
returns the stored link.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context
    from airflow.sdk.types import TaskInstanceKey


class KeptLink(BaseOperatorLink):
    """A link whose address the operator keeps in the attribute named ``attribute``."""

    attribute = ""

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the address that the operator holds, else the one stored by an earlier process."""
        known = getattr(operator, self.attribute, None)
        if known:
            return str(known)
        return self.stored(ti_key)

    def stored(self, ti_key: TaskInstanceKey) -> str:
        """Return the link that an earlier process of the same attempt stored."""
        from airflow.sdk.execution_time.xcom import XCom

        stored: Any = XCom.get_value(ti_key=cast("Any", ti_key), key=self.xcom_key)
        return str(stored or "")


def show_links(operator: BaseOperator, links: Sequence[KeptLink], context: Context) -> None:
    """Store the address of each link whose attribute is set, so that its button works while the task runs."""
    for link in links:
        url = getattr(operator, link.attribute)
        if url:
            context["ti"].xcom_push(key=link.xcom_key, value=url)


class RayDashboardLink(KeptLink):
    """The job's page on Ray's dashboard."""

    attribute = "dashboard_url"

    @property
    def name(self) -> str:
        """Text of the button."""
        return "Ray dashboard"

    @property
    def xcom_key(self) -> str:
        """Key under which Airflow stores the link."""
        return "ray_dashboard_link"
