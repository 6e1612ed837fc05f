"""The buttons of a job: what its state allows, each with the right that it needs, so that none fails."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass

from llmbatch.core.control import Control
from llmbatch.core.job_request import JobRequest
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.manifest import JobManifest
from llmbatch.core.progress import Progress
from llmbatch.core.states import DesiredState, Phase
from llmbatch.gateway.jobs.lookup import FoundJob
from llmbatch.gateway.jobs.states import JobState
from llmbatch.gateway.pages.job.rights import Right

REASON_CHARS = 500
"""Most characters of a reason, as the routes accept."""

Field = dict[str, str | int | float | bool]
"""One input of the dialog, as ``static/actions.js`` reads it."""

_REASON: Field = {"name": "reason", "label": "Reason (optional, kept in the log of the run)", "maxLength": REASON_CHARS}


@dataclass(frozen=True)
class Button:
    """One call to a route of the job.

    Attributes:
        name: what is on the button.
        verb: the end of the route's path.
        confirm: what will happen, asked before it does.
        right: what the caller needs for it in Airflow.
        fields: inputs of the dialog.
        opens_job: whether the answer names another job, to which a link is shown.
        is_danger: whether work is given up.
    """

    name: str
    verb: str
    confirm: str
    right: Right
    fields: tuple[Field, ...] = (_REASON,)
    opens_job: bool = False
    is_danger: bool = False

    @property
    def fields_json(self) -> str:
        """The inputs for the attribute ``data-fields``."""
        return json.dumps(self.fields)


@dataclass(frozen=True)
class Situation:
    """What the buttons of a job depend on.

    Attributes:
        found: the job.
        progress: its last heartbeat.
        control: the requests to it.
        proof: its manifest.
        may_read: whether the caller may read its answers.
        admitting: whether the service starts jobs.
        is_staged: whether its staged rows are there.
        most_replicas: ``limits.max_replicas`` of config.yaml.
    """

    found: FoundJob
    progress: Progress | None
    control: Control
    proof: JobManifest | None
    may_read: bool
    admitting: bool
    is_staged: bool
    most_replicas: int


def possible(now: Situation) -> tuple[Button, ...]:
    """Return what the state of the job and the ownership of its rows allow; the rights in Airflow are not looked at."""
    spec = now.found.spec
    if now.found.state is JobState.SUCCEEDED or (spec is not None and spec.request.dry_run):
        return _after(now, spec)
    if now.found.state is JobState.FAILED:
        return () if spec is None else (_continue(), *_after(now, spec))
    if spec is None:
        return (_cancel_waiting(),)
    if now.progress is not None and now.progress.phase is Phase.DONE:
        return ()
    return _running(now, spec)


def allowed(buttons: Collection[Button], rights: Collection[Right]) -> tuple[Button, ...]:
    """Return the buttons for which the caller has the right."""
    return tuple(button for button in buttons if button.right in rights)


def _running(now: Situation, spec: JobSpec) -> tuple[Button, ...]:
    asked = now.control.asks_of(now.progress.generation) if now.progress is not None else now.control.desired
    found: list[Button] = []
    if asked is not DesiredState.RUN or now.control.paused:
        text = "Withdraws the pause, the drain or the cancel that is in force. The job goes on with what is missing."
        found.append(Button("Resume", "resume", text, Right.EDIT_RUN))
    if asked is DesiredState.RUN:
        if not now.control.paused:
            text = "Finishes the rows in flight and releases the engines until somebody resumes the job."
            found.append(Button("Pause", "pause", text, Right.EDIT_RUN))
        found.append(_scale(now, spec))
        text = "Finishes the shards that have begun, then stops the job. Resume continues with what is missing."
        found.append(Button("Drain", "drain", text, Right.EDIT_RUN))
    if asked is not DesiredState.CANCEL:
        end = (
            "The rows without an outcome end as cancelled, and the job delivers the others."
            if spec.delivers_on_cancel
            else "Committed rows stay, nothing is delivered. Resume continues the job later."
        )
        text = f"Stops the job now. {end}"
        found.append(Button("Cancel job", "cancel", text, Right.EDIT_RUN, is_danger=True))
    return tuple(found)


def _scale(now: Situation, spec: JobSpec) -> Button:
    bounds = now.control.replicas
    engine = spec.engine
    least, most = (bounds.min, bounds.max) if bounds else (engine.min_replicas, engine.max_replicas)
    number: Field = {"type": "number", "min": 1, "max": now.most_replicas, "required": True}
    fields = (
        {**number, "name": "min", "label": "Least replicas", "value": min(least, now.most_replicas)},
        {**number, "name": "max", "label": "Most replicas", "value": min(max(least, most), now.most_replicas)},
        _REASON,
    )
    text = f"Changes how many replicas the job may have while it runs, up to {now.most_replicas}."
    return Button("Scale", "scale", text, Right.EDIT_RUN, fields)


def _continue() -> Button:
    text = "Continues the run from its first failed task. All committed rows are kept."
    return Button("Resume", "resume", text, Right.CONTINUE_RUN)


def _cancel_waiting() -> Button:
    text = "The job is not accepted yet. Its run is marked as failed, and it never starts."
    return Button("Cancel job", "cancel", text, Right.EDIT_RUN, is_danger=True)


def _after(now: Situation, spec: JobSpec | None) -> tuple[Button, ...]:
    """Return what may be done with a job that has delivered."""
    if spec is None or now.proof is None or not now.may_read:
        return ()
    again = rows_to_retry(now.proof)
    is_possible = again > 0 and now.admitting and now.is_staged and _may_end_well(now.proof)
    return (*((_retry(again, spec),) if is_possible else ()), _deliver(now.found.job_id))


def _retry(again: int, spec: JobSpec) -> Button:
    hours: Field = {
        "name": "sla_hours", "label": "Deadline, in hours from now", "type": "number", "min": 0.01, "step": "any",
        "value": spec.request.sla_hours, "required": True,
    }  # fmt: skip
    text = (
        f"Starts a new job that runs {again} {'row' if again == 1 else 'rows'} again and delivers all rows. "
        "While such a retry runs, or after one has succeeded, you get that one."
    )
    return Button("Retry failed rows", "retry-failed", text, Right.START, (hours,), opens_job=True)


def _deliver(job_id: str) -> Button:
    address: Field = {
        "name": "output_uri", "label": "Address", "placeholder": "s3://bucket/answers", "maxLength": 1000,
        "required": True,
    }  # fmt: skip
    text = f"Writes the files again, into the folder {job_id} at this address. No row is run again."
    return Button("Deliver elsewhere", "deliver", text, Right.DELIVER, (address,))


def rows_to_retry(proof: JobManifest) -> int:
    """Return the rows that did not succeed and can run again; unreadable rows cannot."""
    rows = proof.rows
    return rows.failed + rows.expired + rows.cancelled - proof.input.invalid_rows


def _may_end_well(proof: JobManifest) -> bool:
    """Whether a retry is accepted although the unreadable rows stay failed."""
    default = float(JobRequest.model_fields["max_error_rate"].default)
    return int(default * proof.rows.input) >= proof.input.invalid_rows
