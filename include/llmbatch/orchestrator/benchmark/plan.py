"""The jobs of a benchmark: one ordinary job of ``llmbatch_inference`` for each setting."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, JsonValue

from llmbatch.core.benchmark_request import BenchmarkRequest
from llmbatch.core.config import Config
from llmbatch.core.errors import RequestError
from llmbatch.core.identity import INFERENCE_DAG, benchmark_run_id, job_id_of
from llmbatch.core.job_request import parse_request
from llmbatch.core.request_options import SpeedOptions
from llmbatch.orchestrator.intake.addresses import check_input
from llmbatch.orchestrator.intake.limits import require_within_limits


class PlannedJob(BaseModel):
    """The run that measures one setting, and what it is started with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: int
    run_id: str
    conf: dict[str, JsonValue]

    @property
    def job_id(self) -> str:
        """The id of the job that the run makes."""
        return job_id_of(INFERENCE_DAG, self.run_id)

    @property
    def setting(self) -> SpeedOptions:
        """The setting that it measures."""
        return SpeedOptions.model_validate(self.conf["engine"], extra="ignore")


def plan(request: BenchmarkRequest, benchmark_id: str, config: Config, owner: str) -> tuple[PlannedJob, ...]:
    """Return the jobs in the order in which they run. All of them are checked before the first one starts.

    Args:
        request: the validated request.
        benchmark_id: names the runs, so that a second attempt finds those of the first one.
        config: settings of this deployment.
        owner: the Airflow user who started the benchmark; empty for a run without a user.

    Raises:
        RequestError: naming the field and the fix; also if the user may not adopt.
    """
    if request.adopt:
        _require_may_adopt(request, config, owner)
    jobs = tuple(
        PlannedJob(number=number, run_id=benchmark_run_id(benchmark_id, number), conf=request.job_conf(setting))
        for number, setting in enumerate(request.settings(), start=1)
    )
    for job in jobs:
        checked = parse_request(dict(job.conf))
        require_within_limits(checked, config)
        check_input(checked.source_uri, config.store)
    return jobs


def _require_may_adopt(request: BenchmarkRequest, config: Config, owner: str) -> None:
    """Adopting changes the jobs of all users."""
    name = request.model or config.default_model
    if name not in config.models:
        raise RequestError(
            "adopt", f"{name!r} is not a model of config.yaml", "Add it to models in config.yaml, or leave adopt out."
        )
    if config.admins and owner not in config.admins:
        who = f"user {owner!r}" if owner else "a run without a user"
        raise RequestError(
            "adopt",
            f"changes the default of {name!r} for all users, which {who} may not do",
            "Leave it out, or let a user start the benchmark whom `admins` in config.yaml names.",
        )
