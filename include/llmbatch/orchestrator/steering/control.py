"""Request that a running job drains, cancels, runs on, pauses or changes its size. No concurrent request is lost.

A drain or cancel applies to the generation that runs now and to earlier ones: the generation after a cleared task runs.
Before the first generation has claimed the job it applies to all of them, until a run is requested.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import NamedTuple

from pydantic import ValidationError

from llmbatch.core.claims import last_claim
from llmbatch.core.clock import Clock
from llmbatch.core.control import Control
from llmbatch.core.errors import (
    InputChanged,
    ObjectChanged,
    ObjectExists,
    ObjectMissing,
    RequestError,
    StoreError,
)
from llmbatch.core.layout import JobLayout
from llmbatch.core.states import DesiredState
from llmbatch.core.store import ObjectStore
from llmbatch.core.stored import read_document

TRIES = 20
"""Attempts to write between the writes of other processes; a failed attempt means that another request was written."""

_log = logging.getLogger(__name__)


class ControlChange(NamedTuple):
    """The control object before and after a change."""

    before: Control
    after: Control

    @property
    def is_written(self) -> bool:
        """Whether the change was written; it is not if there was nothing to change."""
        return self.after is not self.before


def request_state(
    job_uri: str, desired: DesiredState, *, reason: str, by: str, store: ObjectStore, clock: Clock
) -> Control:
    """Write the request to ``control.json`` and return what is in force then: an earlier, stronger request stays.

    Cancel is stronger than drain. ``run`` is the explicit way back from both and replaces either.

    Args:
        job_uri: the job's folder.
        desired: the requested state.
        reason: shown in the job's log and outcome.
        by: who requests it.
        store: the store that holds the job.
        clock: for the time of the request.

    Raises:
        RequestError: there is no such job.
        StoreError: the store failed, or other processes wrote in between twenty times.
    """
    layout = JobLayout(job_uri.rstrip("/"))

    def requested(old: Control) -> Control:
        generation = last_claim(store, layout)
        if not _replaces(desired, old, generation):
            return old
        named = generation if generation and desired is not DesiredState.RUN else None
        origin = {"desired": desired, "generation": named, "shutdown": False, "reason": reason, "written_by": by}
        return old.model_copy(update={**origin, "written_at": clock.now()})

    return change_control(layout, requested, store=store).after


def adjust(
    job_uri: str, changes: Mapping[str, object], *, reason: str, by: str, store: ObjectStore, clock: Clock
) -> Control:
    """Change single fields of ``control.json`` (``replicas``, ``paused``, ``paused_by``, ``max_tokens``, ``model``).

    All other fields stay; a drain or cancel keeps its own reason and author. Returns what is in force then. Raises as
    ``request_state`` does.
    """

    def changed(old: Control) -> Control:
        if all(getattr(old, name) == value for name, value in changes.items()):
            return old
        is_running = old.desired is DesiredState.RUN
        origin = {"reason": reason, "written_by": by, "written_at": clock.now()} if is_running else {}
        return old.model_copy(update={**changes, **origin})

    return change_control(JobLayout(job_uri.rstrip("/")), changed, store=store).after


def change_control(layout: JobLayout, change: Callable[[Control], Control], *, store: ObjectStore) -> ControlChange:
    """Apply ``change`` to the control object as it is when it is written.

    ``change`` may be called several times, because other processes may write in between. If it returns its argument,
    nothing is written. Raises as ``request_state`` does.
    """
    _require_job(store, layout)
    for _ in range(TRIES):
        try:
            old, etag = read_control(store, layout)
            new = change(old)
            if new is old:
                return ControlChange(old, old)
            body = new.model_dump_json(indent=1).encode()
            if etag is None:
                store.create(layout.control, body)
            else:
                store.replace(layout.control, body, etag)
        except (ObjectExists, ObjectChanged, ObjectMissing, InputChanged):
            continue  # another process wrote after the read; read again
        _log.info("event=control_written job_uri=%s %s", layout.root, new.model_dump_json(exclude_defaults=True))
        return ControlChange(old, new)
    raise StoreError(f"{layout.control} was changed by other processes {TRIES} times in a row; repeat the request.")


def _require_job(store: ObjectStore, layout: JobLayout) -> None:
    try:
        store.head(layout.spec)
    except ObjectMissing:
        raise RequestError(
            "job_uri",
            f"there is no job in {layout.root}",
            "Give the folder that holds spec.json, s3://…/jobs/<job_id>.",
        ) from None


def read_control(store: ObjectStore, layout: JobLayout) -> tuple[Control, str | None]:
    """Return the control object and its version; the default one and None where there is no object."""
    try:
        info = store.head(layout.control)
    except ObjectMissing:
        return Control(), None
    with store.open_stream(layout.control, info.etag) as stream:
        body = stream.read()
    try:
        return read_document(Control, body), info.etag
    except ValidationError as error:
        _log.warning(
            "event=control_unreadable uri=%s problems=%d; a new one replaces it", layout.control, error.error_count()
        )
        return Control(), info.etag


def _replaces(desired: DesiredState, old: Control, generation: int) -> bool:
    """Whether a request replaces the old one, as far as that one still applies to ``generation``."""
    if desired is DesiredState.RUN:
        return old.desired is not DesiredState.RUN
    return desired.strength > old.asks_of(generation).strength
