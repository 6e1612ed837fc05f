"""JobStart: the operator that starts a job from another DAG and waits for its end."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException
from jinja2 import TemplateError

from llmbatch.core.errors import RequestError
from llmbatch.core.identity import INFERENCE_DAG, job_id_of
from llmbatch.core.job_request import parse_request
from llmbatch.core.shown import shown
from llmbatch.orchestrator.deployment.run_starts import start_run
from llmbatch.orchestrator.deployment.run_states import MISSING
from llmbatch.orchestrator.ray_jobs.links import KeptLink, show_links

if TYPE_CHECKING:
    import jinja2
    from airflow.sdk import Context
    from pydantic import JsonValue

_NOT_IN_RUN_IDS = re.compile(r"[^A-Za-z0-9_.~:+-]")
_NAME_CHARS = 100
"""Of the DAG id and of the date in a run id, which has room for 250."""
_NO_DATE = (
    "This run has no logical date (an asset event or a person started it), so it has no ds, ts, logical_date and "
    "data_interval_start; use {{ dag_run.run_after | ds }}"
)


class JobLink(KeptLink):
    """The job's own run."""

    attribute = "job_url"

    @property
    def name(self) -> str:
        """Text of the button."""
        return "Job"

    @property
    def xcom_key(self) -> str:
        """Key under which Airflow stores the link."""
        return "job_link"


class JobStart(BaseOperator):
    """Start a job on ``llmbatch_inference``, and wait for its end without a worker slot. The job's end is the task's.

    A run of the DAG and a rendered request make one job: its run id is derived from the DAG id, the logical date (of a
    run without one: the run id) and the request. So a retry, a cleared task and a repeated backfill find that job. They
    wait for it while it runs, succeed if it has succeeded, and continue it if it has failed. After a change of the
    request a cleared task starts another job. Marking the task failed does not stop the job.

    Args:
        request: fields of the job request; texts in it are templates, at any depth.
        wait: False succeeds as soon as the job is started.
        poll_seconds: time between two looks at the job, in seconds.
        kwargs: arguments of every operator.
    """

    template_fields: Sequence[str] = ("request",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"request": "json"}
    operator_extra_links = (JobLink(),)
    ui_color = "#d7ecff"

    def __init__(
        self, *, request: Mapping[str, JsonValue], wait: bool = True, poll_seconds: float = 10, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.request = dict(request)
        self.wait = wait
        self.poll_seconds = poll_seconds
        self.job_url: str | None = None

    def render_template_fields(self, context: Context, jinja_env: jinja2.Environment | None = None) -> None:
        """Render the request, field by field; an error names the field, and no log holds the template.

        Raises:
            AirflowFailException: a template cannot be rendered; a retry would end the same way.
        """
        environment = jinja_env or self.get_template_env()
        for field, value in self.request.items():
            try:
                self.request[field] = self.render_template(value, context, environment)
            except TemplateError as error:
                why = "" if context.get("logical_date") else f". {_NO_DATE}"
                raise AirflowFailException(f"{field}: {shown(str(error.message))}{why}") from None

    def execute(self, context: Context) -> dict[str, str]:
        """Start or find the job; wait for its end, deferred.

        Raises:
            AirflowFailException: the rendered request is wrong.
        """
        try:
            parse_request(self.request)
        except RequestError as error:
            raise AirflowFailException(str(error)) from None
        run_id = self._run_id(context)
        start = start_run(INFERENCE_DAG, run_id, self.request)
        job = self._job(run_id)
        show_links(self, self.operator_extra_links, context)
        self.log.info("event=job_start job_id=%s start=%s run_id=%s url=%s", job["job_id"], start, run_id, self.job_url)
        if self.wait:
            from llmbatch.orchestrator.tasks.run_end import RunEnd

            trigger = RunEnd(dag_id=INFERENCE_DAG, run_id=run_id, poll_seconds=self.poll_seconds)
            self.defer(trigger=trigger, method_name="resume", kwargs={"run_id": run_id})
        return job

    def resume(self, context: Context, run_id: str, event: dict[str, Any] | None = None) -> dict[str, str]:  # noqa: ARG002
        """Return the job's ids after its success.

        Raises:
            AirflowFailException: the job failed or its run was deleted; with what to do.
        """
        job = self._job(run_id)
        state = (event or {}).get("state")
        if state == "success":
            return job
        where = f"{job['job_id']}: run {run_id} of {INFERENCE_DAG}"
        if state == MISSING:
            raise AirflowFailException(f"{where} was deleted. Clear this task to start the job again.")
        raise AirflowFailException(
            f"{where} failed: see {self.job_url}. Clear this task to continue the job with what is missing; after a "
            "change of the request it starts another job."
        )

    def _run_id(self, context: Context) -> str:
        date = context.get("logical_date")
        night = date.strftime("%Y-%m-%dT%H:%M:%S") if date else context["run_id"]
        key = date.isoformat() if date else context["run_id"]
        same = json.dumps([self.dag_id, key, self.request], sort_keys=True).encode()
        parts = (self.dag_id[:_NAME_CHARS], night[:_NAME_CHARS], hashlib.sha256(same).hexdigest()[:16])
        return _NOT_IN_RUN_IDS.sub("_", "__".join(parts))

    def _job(self, run_id: str) -> dict[str, str]:
        """Return the ids of the job, and keep its address for the link."""
        from airflow.sdk.configuration import conf

        base = str(conf.get("api", "base_url", fallback="/")).rstrip("/")
        self.job_url = f"{base}/dags/{INFERENCE_DAG}/runs/{quote(run_id)}"
        return {"job_id": job_id_of(INFERENCE_DAG, run_id), "run_id": run_id}
