"""The body of the task of ``llmbatch_delivery``, and its form."""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import Param, get_current_context

from llmbatch.core.identity import JOB_ID_PATTERN
from llmbatch.core.shown import shown
from llmbatch.orchestrator.deployment.settings import load_settings
from llmbatch.orchestrator.tasks.inference import final_unless_retryable

_log = logging.getLogger(__name__)


def delivery_params() -> dict[str, Param]:
    """Return the form: the job, and where to deliver it."""
    return {
        "job_id": Param(
            type="string", pattern=f"^{JOB_ID_PATTERN}$", title="Job", description="A finished job of yours."
        ),
        "output_uri": Param(
            type="string", pattern="^s3://.+", maxLength=1000, title="Address",
            description="The files are written to `<address>/<job id>/`, within store.allowed_outputs of config.yaml.",
        ),
    }  # fmt: skip


@final_unless_retryable
def deliver() -> dict[str, Any]:
    """Write the files of the job to the address. Return the folder and how many files there are."""
    from llmbatch.orchestrator.deployment.store import open_store
    from llmbatch.orchestrator.intake.addresses import probe_output
    from llmbatch.orchestrator.intake.delivery import delivery
    from llmbatch.orchestrator.publishing.redeliver import redeliver

    context, config = get_current_context(), load_settings()
    asked, store = context["params"], open_store(config.store.conn_id)
    owner = context["dag_run"].triggering_user_name or ""
    spec = delivery(str(asked["job_id"]), str(asked["output_uri"]), owner=owner, config=config, store=store)
    probe_output(spec, store)
    outputs = redeliver(spec, store)
    _log.info("event=delivered job_id=%s output=%s files=%d", spec.job_id, shown(spec.output_uri), len(outputs))
    return {"job_id": spec.job_id, "output_uri": spec.output_uri, "files": len(outputs)}
