"""What the page of a job reads besides the documents of jobs, kept for seconds for all its readers."""

from __future__ import annotations

import logging

from llmbatch.core.clock import Clock
from llmbatch.core.config import Config
from llmbatch.core.control import Control
from llmbatch.core.dry_run import DryRun
from llmbatch.core.errors import ObjectMissing, StoreError
from llmbatch.core.job_spec import InputObject, JobSpec
from llmbatch.core.manifest import CostRecord
from llmbatch.core.progress import Progress
from llmbatch.core.shown import shown
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_if_readable
from llmbatch.gateway.airflow.client import AirflowClient
from llmbatch.gateway.jobs.documents import FIXED_SECONDS, LIVE_SECONDS, Kept
from llmbatch.gateway.pages.job.rights import Rights
from llmbatch.gateway.pages.job.samples import Sample, samples_of
from llmbatch.orchestrator.history.cost import cost_of
from llmbatch.orchestrator.history.traces import read_traces
from llmbatch.orchestrator.jobs.documents import read_inputs
from llmbatch.orchestrator.steering.control import read_control
from llmbatch.orchestrator.steering.service import read_service

COST_SECONDS = 15.0
"""Time for which a cost is kept; its traces are written every half minute."""
SAMPLE_SECONDS = 30.0
"""Time for which samples of errors are kept; they cost several reads."""
MOST_INPUTS = 5000
"""Input objects of a job whose list is read; that of more is a large document."""

_MOST = 500

_log = logging.getLogger(__name__)


class JobReadings:
    """Readings of single jobs. Every method blocks and may raise ``StoreError``, except for ``rights``.

    Args:
        config: settings of the deployment.
        store: holds the jobs.
        airflow: is asked for rights.
        clock: for the age of what is kept.
    """

    def __init__(self, config: Config, store: ObjectStore, airflow: AirflowClient, clock: Clock) -> None:
        self.rights = Rights(airflow, clock)
        self._config, self._store = config, store
        self._controls: Kept[Control] = Kept(LIVE_SECONDS, _MOST, clock)
        self._admitting: Kept[bool] = Kept(LIVE_SECONDS, 1, clock)
        self._staged: Kept[bool] = Kept(FIXED_SECONDS, _MOST, clock)
        self._costs: Kept[CostRecord] = Kept(COST_SECONDS, _MOST, clock)
        self._dry_runs: Kept[DryRun | None] = Kept(LIVE_SECONDS, _MOST, clock)
        self._inputs: Kept[tuple[InputObject, ...]] = Kept(FIXED_SECONDS, _MOST // 10, clock)
        self._samples: Kept[tuple[Sample, ...]] = Kept(SAMPLE_SECONDS, _MOST // 10, clock)

    def control(self, spec: JobSpec) -> Control:
        """Return the requests to a job."""
        return self._controls.get(spec.job_id, lambda: read_control(self._store, spec.layout)[0])

    def admitting(self) -> bool:
        """Return whether the service starts jobs."""
        return self._admitting.get("", lambda: read_service(self._config.store.base_uri, self._store).admitting)

    def is_staged(self, spec: JobSpec) -> bool:
        """Return whether the staged rows are there; their list is removed before them."""
        return self._staged.get(spec.job_id, lambda: self._is_there(spec.layout.staged_manifest))

    def cost(self, spec: JobSpec, progress: Progress) -> CostRecord:
        """Return what the job has cost so far."""
        price = self._config.cost.usd_per_gpu_hour

        def read() -> CostRecord:
            traces = read_traces(self._store, spec.layout)
            tokens = progress.tokens.prompt + progress.tokens.completion
            known = tokens if tokens and spec.retry_of is None else None
            return cost_of(spec.engine, traces, progress.seconds_phase, tokens=known, usd_per_gpu_hour=price)

        return self._costs.get(spec.job_id, read)

    def dry_run(self, spec: JobSpec) -> DryRun | None:
        """Return what a dry run has found."""
        return self._dry_runs.get(spec.job_id, lambda: read_if_readable(DryRun, spec.layout.dry_run, self._store))

    def inputs(self, spec: JobSpec) -> tuple[InputObject, ...]:
        """Return the input objects; none if there are more than ``MOST_INPUTS``, or if their list is lost."""

        def read() -> tuple[InputObject, ...]:
            try:
                return read_inputs(spec, self._store)
            except StoreError as error:
                _log.warning("event=inputs_unreadable job_id=%s error=%s", spec.job_id, shown(error))
                return ()

        return () if spec.inputs.objects > MOST_INPUTS else self._inputs.get(spec.job_id, read)

    def samples(self, spec: JobSpec, *, is_delivered: bool) -> tuple[Sample, ...]:
        """Return some rows of each class of errors."""
        key = f"{spec.job_id} {is_delivered}"
        return self._samples.get(key, lambda: samples_of(spec, self._store, is_delivered=is_delivered))

    def _is_there(self, uri: str) -> bool:
        try:
            self._store.head(uri)
        except ObjectMissing:
            return False
        return True
