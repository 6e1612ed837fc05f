"""Deliver a finished job to another address, as a run of the delivery DAG: it may take long, and needs a disk."""

from __future__ import annotations

import asyncio
import secrets
from functools import partial

from pydantic import BaseModel, ConfigDict

from llmbatch.core.clock import Clock
from llmbatch.core.config import Config
from llmbatch.core.errors import RequestError
from llmbatch.core.identity import DELIVERY_DAG
from llmbatch.core.shown import shown
from llmbatch.core.store import ObjectStore
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.airflow.client import AirflowClient
from llmbatch.gateway.wire.failures import Failure
from llmbatch.orchestrator.intake.delivery import delivery


class StartedDelivery(BaseModel):
    """A delivery that was started: the folder to which it writes, and the run that does it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    job_id: str
    done: str
    output_uri: str
    dag_id: str
    dag_run_id: str


async def start_delivery(
    job_id: str, output_uri: str, *, caller: Caller, airflow: AirflowClient, config: Config, store: ObjectStore,
    clock: Clock,
) -> StartedDelivery:  # fmt: skip
    """Check the address, and start the run with the rights of the caller, who may read the answers of the job.

    Raises:
        Failure: 400 for an address that is not allowed, 403 without the right to start runs of the DAG.
        StoreError: the store failed.
    """
    check = partial(delivery, job_id, output_uri, owner=caller.user, config=config, store=store)
    try:
        spec = await asyncio.to_thread(check)
    except RequestError as error:
        raise Failure(400, str(error), param=error.field, job_id=job_id) from None
    run_id = f"api__{clock.now():%Y%m%dT%H%M%S}__{secrets.token_hex(4)}"
    conf = {"job_id": job_id, "output_uri": output_uri}
    run = await airflow.start_run(caller.authorization, DELIVERY_DAG, run_id, conf)
    return StartedDelivery(
        job_id=job_id,
        done=f"Run {run.dag_run_id} of {run.dag_id} writes the files to {shown(spec.output_uri)}. Its log says when "
        "they are there.",
        output_uri=spec.output_uri,
        dag_id=run.dag_id,
        dag_run_id=run.dag_run_id,
    )
