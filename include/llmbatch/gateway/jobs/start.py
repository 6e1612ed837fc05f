"""Start a job as a run of the DAG, once for each idempotency key, and wait for its admission."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue

from llmbatch.core.errors import RequestError
from llmbatch.core.identity import INFERENCE_DAG, job_id_of
from llmbatch.core.job_request import JobRequest, parse_request
from llmbatch.core.store import ObjectStore
from llmbatch.gateway.access.caller import Caller
from llmbatch.gateway.airflow.client import AirflowClient, DagRun, RunExists
from llmbatch.gateway.jobs.documents import JobDocuments
from llmbatch.gateway.jobs.failures import failure_text
from llmbatch.gateway.jobs.lookup import FoundJob, find_job
from llmbatch.gateway.wire.failures import Failure
from llmbatch.orchestrator.jobs.keys import FIELD, job_of_key, request_digest

POLL_SECONDS = 0.5
"""Time between two looks at a job whose admission is awaited."""

_REFUSED = {"failed", "skipped", "removed"}


@dataclass(frozen=True)
class Starter:
    """Starts jobs for one caller."""

    caller: Caller
    airflow: AirflowClient
    documents: JobDocuments
    store: ObjectStore
    base_uri: str

    async def start(self, request: JobRequest, conf: Mapping[str, JsonValue], now: datetime) -> FoundJob:
        """Start a job; with an idempotency key, return the job that the key identifies already.

        A dry run has no key, as it leaves no job.

        Args:
            request: the checked request.
            conf: what the user sent.
            now: for the run id.

        Raises:
            Failure: 409 if the key was used for another request, or Airflow refuses the run.
        """
        key = None if request.dry_run else request.idempotency_key
        if key is None:
            run_id = f"api__{now:%Y%m%dT%H%M%S}__{secrets.token_hex(4)}"
            return FoundJob(await self.airflow.start_run(self.caller.authorization, INFERENCE_DAG, run_id, conf), None)
        digest = request_digest(request)
        known = await self._job_of_key(key, digest)
        return known or await self.start_or_find(f"key__{self.derived(key)}", digest, conf)

    async def start_or_find(self, run_id: str, digest: str, conf: Mapping[str, JsonValue]) -> FoundJob:
        """Start the run, or return it if it exists with an equal request of this user.

        Raises:
            Failure: 409 if it exists with another request.
        """
        try:
            run = await self.airflow.start_run(self.caller.authorization, INFERENCE_DAG, run_id, conf)
        except RunExists:
            run = await self.airflow.run(self.caller.authorization, INFERENCE_DAG, run_id)
            if run.triggering_user_name != self.caller.user or _digest_of(run) != digest:
                raise _conflict(job_id_of(INFERENCE_DAG, run_id)) from None
        return FoundJob(run, None)

    def derived(self, *parts: str) -> str:
        """Return 32 hex digits, always the same for this user and these texts."""
        return hashlib.sha256(json.dumps([self.caller.user, *parts]).encode()).hexdigest()[:32]

    async def decision(self, found: FoundJob, seconds: float) -> FoundJob | None:
        """Wait up to ``seconds`` until the job is accepted; return the accepted job, None if it is undecided.

        A run whose key belongs to another run's job returns that job.

        Raises:
            Failure: 400 with the reason if the job was refused.
        """
        run, authorization = found.run, self.caller.authorization
        ends = asyncio.get_running_loop().time() + seconds
        while True:
            states = await self.airflow.task_states(authorization, run.dag_id, run.dag_run_id)
            if states.get("accept") == "success":
                job_id = await self.airflow.xcom(authorization, run.dag_id, run.dag_run_id, "accept", "job_id")
                return await find_job(str(job_id or found.job_id), authorization, self.airflow, self.documents)
            if states.get("accept") in _REFUSED:
                raise await self._refusal(found)
            left = ends - asyncio.get_running_loop().time()
            if left <= 0:
                return None
            await asyncio.sleep(min(POLL_SECONDS, left))

    async def _job_of_key(self, key: str, digest: str) -> FoundJob | None:
        try:
            note = await asyncio.to_thread(job_of_key, key, self.caller.user, digest, self.base_uri, self.store)
        except RequestError as error:
            raise Failure(409, str(error), type="conflict_error", param=FIELD, code="idempotency_key_reused") from None
        if note is None:
            return None
        return await find_job(note.job_id, self.caller.authorization, self.airflow, self.documents)

    async def _refusal(self, found: FoundJob) -> Failure:
        text = await failure_text(found, "accept", self.caller.authorization, self.airflow)
        field = text.partition(":")[0]
        is_field = field.partition(".")[0] in JobRequest.model_fields
        return Failure(400, text, param=field if is_field else None, code="job_refused", job_id=found.job_id)


def _digest_of(run: DagRun) -> str | None:
    try:
        return request_digest(parse_request(dict(run.conf or {})))
    except RequestError:
        return None


def _conflict(job_id: str) -> Failure:
    return Failure(
        409,
        f"{FIELD}: was used for {job_id} with another request. Send the same request to get that job, or choose "
        "another key for a new one.",
        type="conflict_error",
        param=FIELD,
        code="idempotency_key_reused",
        job_id=job_id,
    )
