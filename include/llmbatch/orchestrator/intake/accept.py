"""From a user's request to an accepted job: one validation, before any GPU starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from llmbatch.core.clock import LAST_DAY, Clock, SystemClock
from llmbatch.core.config import Config
from llmbatch.core.engine_settings import EngineSettings
from llmbatch.core.errors import ObjectExists, ObjectMissing, RequestError
from llmbatch.core.identity import job_id_of
from llmbatch.core.input_list import InputList
from llmbatch.core.job_request import JobRequest, parse_request
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout, delivery_folder, split_uri
from llmbatch.core.manifest import read_manifest
from llmbatch.core.sla_hours import sla_field_of
from llmbatch.core.store import ObjectStore
from llmbatch.core.tuned import TunedChoice
from llmbatch.orchestrator.admission.admit import admit
from llmbatch.orchestrator.admission.queue import leave_queue
from llmbatch.orchestrator.inputs.formats import resolve_columns, resolve_format, resolve_output_format
from llmbatch.orchestrator.inputs.listing import list_inputs
from llmbatch.orchestrator.intake.addresses import check_input, check_objects, check_output, probe_output
from llmbatch.orchestrator.intake.batch_model import with_batch_model
from llmbatch.orchestrator.intake.limits import require_prompts_fit, require_within_limits
from llmbatch.orchestrator.intake.output_schema import require_schema
from llmbatch.orchestrator.intake.parameters import require_parameters
from llmbatch.orchestrator.intake.retry import retried
from llmbatch.orchestrator.intake.tuned import tuned_for
from llmbatch.orchestrator.jobs.day_index import note_accepted
from llmbatch.orchestrator.jobs.documents import read_inputs, read_spec
from llmbatch.orchestrator.jobs.keys import adopted, bind_key, job_of_key, request_digest
from llmbatch.version import VERSION


def request_of(params: Mapping[str, Any], conf: Mapping[str, Any] | None) -> JobRequest:
    """Build the request of a DAG run from the form's values (``params``) and what was sent (``conf``).

    ``params`` holds the form's defaults too. OpenAI's ``completion_window`` in ``conf`` wins over the default of its
    synonym ``sla_hours``.

    Raises:
        RequestError: naming the field and the fix.
    """
    sent = conf or {}
    values = {**params, **sent}
    if sla_field_of(sent) == "completion_window":
        values.pop("sla_hours", None)
    return parse_request(values)


def accept(
    request: JobRequest,
    *,
    dag_id: str,
    run_id: str,
    created_at: datetime,
    config: Config,
    store: ObjectStore,
    owner: str = "",
    clock: Clock | None = None,
    require_cluster: Callable[[], None] = lambda: None,
) -> JobSpec:
    """Resolve every default, check the request against the store, admit the job, and freeze it in ``spec.json``.

    A repeated call that resolves to an equal spec is a retry and returns it; the times come from the DAG run, so they
    are equal too. A finished job is returned as it is, even if its input has changed since. An idempotency key that
    refers to another run's job returns that job (see ``jobs.keys``).

    Args:
        request: the validated request.
        dag_id: DAG of the run.
        run_id: the run; with ``dag_id`` it makes the job id.
        created_at: a time of the DAG run that no retry and no clear changes.
        config: settings of this deployment.
        store: where input and jobs are.
        owner: the Airflow user who triggered the run; empty for a run without a user.
        clock: the time of admission; the machine's if not given.
        require_cluster: raises if the cluster cannot run any job; called before a job that is to run is admitted.

    Raises:
        OtherRay: of ``require_cluster``; nothing of the job is stored.
        RequestError: naming the field and the fix; also if its deadline is infeasible and the request sets
            ``on_infeasible`` to reject.
        ForeignManifest: the manifest in the job's folder is not this job's.
        StoreError: the store failed, or has lost results of the job that is to be retried.
    """
    key = None if request.dry_run else request.idempotency_key
    base_uri, digest = config.store.base_uri, request_digest(request)
    job_id = job_id_of(dag_id, run_id)
    note = job_of_key(key, owner, digest, base_uri, store) if key is not None else None
    if note is not None and note.job_id != job_id:
        return adopted(note, base_uri, store)
    finished = _finished(JobLayout.of(base_uri, job_id), store)
    if finished is not None and (finished.request_digest, finished.owner) == (digest, owner):
        return finished
    spec, inputs = resolve(
        request, dag_id=dag_id, run_id=run_id, created_at=created_at, config=config, store=store, owner=owner
    )
    check_output(spec, base_uri, config.store.allowed_outputs, config.drop)
    if request.output_uri is not None:
        probe_output(spec, store)
    if not request.dry_run:
        require_cluster()
    try:
        admit(spec, inputs.objects, config.engine.max_replicas, store, clock or SystemClock())
        _freeze(spec, inputs, store)
    except ObjectMissing:
        raise RequestError(
            "store.base_uri",
            f"there is no bucket {split_uri(spec.root_uri)[0]!r} for jobs",
            "Create it or correct store.base_uri in config.yaml.",
        ) from None
    if key is not None:
        note = bind_key(key, spec, store)
        if note.job_id != job_id:
            leave_queue(base_uri, job_id, store)
            return adopted(note, base_uri, store)
    if not spec.request.dry_run:
        note_accepted(spec, store)
    return spec


def resolve(
    request: JobRequest,
    *,
    dag_id: str,
    run_id: str,
    created_at: datetime,
    config: Config,
    store: ObjectStore,
    owner: str = "",
) -> tuple[JobSpec, InputList]:
    """Return the spec of a request and the list of its input, without writing anything."""
    if created_at >= LAST_DAY:
        raise RequestError(
            "run_after", f"{created_at.isoformat()} is too late for a deadline", "Start the run without a date."
        )
    digest, earlier = request_digest(request), None
    if request.output_schema is not None:
        require_schema(request.output_schema)
    if request.retry_failed_of is not None:
        root_uri = JobLayout.of(config.store.base_uri, request.retry_failed_of).root
        request, earlier = retried(request, root_uri, store, owner=owner, admins=config.admins)
    require_within_limits(request, config)
    if earlier is not None:
        objects, input_format = read_inputs(earlier, store), earlier.input_format
    else:
        require_prompts_fit(request, config.staging.max_prompt_chars)
        check_input(request.source_uri, config.store, owner)
        objects = list_inputs(request.source_uri, store)
        check_objects(request.source_uri, objects, config.store.base_uri, owner)
        input_format = resolve_format(request, objects, store)
        request = with_batch_model(request, input_format, objects, config, store)
        request = resolve_columns(request, input_format, objects, store)
    model, serving, fallback = (
        config.model_for(request.model),
        config.serving(request.model),
        request.reactions.fallback_model,
    )
    require_parameters(request, input_format, serving, config.limits.max_tokens)
    job_id = job_id_of(dag_id, run_id)
    layout = JobLayout.of(config.store.base_uri, job_id)
    tuned = tuned_for(request, layout.root, config, store)
    inputs = InputList.of(objects)
    spec = JobSpec(
        versions={"llmbatch": VERSION},
        job_id=job_id,
        dag_id=dag_id,
        run_id=run_id,
        root_uri=layout.root,
        created_at=created_at,
        deadline=created_at + timedelta(hours=request.sla_hours),
        request=request,
        input_format=input_format,
        output_format=resolve_output_format(request, input_format),
        output_uri=delivery_folder(request.output_uri, job_id) if request.output_uri else f"{layout.root}/output/",
        inputs=inputs.summary(),
        model_name=serving.name,
        model_uri=model.address,
        serving=serving,
        fallback_model_uri=fallback and config.model_for(fallback).address,
        fallback_serving=config.serving(fallback) if fallback else None,
        engine=_engine(request, config, model.max_model_len, tuned),
        tuned=tuned,
        staging=config.staging,
        heartbeat=config.heartbeat,
        max_tokens=config.limits.max_tokens,
        retry_of=earlier.root_uri if earlier is not None else None,
        request_digest=digest,
        owner=owner,
    )
    return spec, inputs


def _engine(
    request: JobRequest, config: Config, max_model_len: int | None, tuned: TunedChoice | None
) -> EngineSettings:
    """Return config.yaml's engine, then the model's longest context, its adopted settings and the request's options."""
    base = config.engine if max_model_len is None else config.engine.model_copy(update={"max_model_len": max_model_len})
    return (base if tuned is None else base.with_options(tuned.settings)).with_options(request.engine)


def _finished(layout: JobLayout, store: ObjectStore) -> JobSpec | None:
    """Return the spec of a job that is published, else None."""
    try:
        read_manifest(layout, store)
    except ObjectMissing:
        return None
    return read_spec(layout.root, store)


def _freeze(spec: JobSpec, inputs: InputList, store: ObjectStore) -> None:
    """Write the list of the input, whose address is its digest, then the spec, which names that digest."""
    store.put(spec.layout.inputs(spec.inputs.sha256), inputs.encode())
    try:
        store.create(spec.layout.spec, spec.model_dump_json(indent=2).encode())
    except ObjectExists:
        _require_equal(spec, read_spec(spec.root_uri, store))


def _require_equal(new: JobSpec, kept: JobSpec) -> None:
    """Compare the resolved fields; the requests may differ, and the versions of llmbatch that resolved them."""
    resolved = [name for name in JobSpec.model_fields if name not in {"request_digest", "schema_version", "versions"}]
    changed = [name for name in resolved if getattr(new, name) != getattr(kept, name)]
    if not changed:
        return
    raise RequestError(
        changed[0],
        f"job {new.job_id} was accepted before with another {' and another '.join(changed)}",
        "An accepted job never changes: start a new job (a new run) instead of clearing this one.",
    )
