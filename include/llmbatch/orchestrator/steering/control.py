"""Ask a running job to drain, cancel, run on, pause or change its size; nobody's wish of the same moment is lost.

A drain or cancel is meant for the generation that runs now and for those before it: the generation of a cleared task
runs. While nobody has claimed the job yet it is meant for all, until somebody asks to run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

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

TRIES = 20
"""Writers that may come in between before this one gives up; each of them got its wish written."""

_STRENGTH = (DesiredState.RUN, DesiredState.DRAIN, DesiredState.CANCEL)
_log = logging.getLogger(__name__)


def ask(job_uri: str, desired: DesiredState, *, reason: str, by: str, store: ObjectStore, clock: Clock) -> Control:
    """Write ``control.json`` and return what it says then, which is an earlier and stronger wish if there is one.

    Cancel is stronger than drain. ``run`` is the explicit way back from both and replaces either.

    Args:
        job_uri: the job's folder.
        desired: what is asked.
        reason: shown in the job's log and outcome.
        by: who asks.
        store: where the job is.
        clock: for the time of the wish.

    Raises:
        RequestError: there is no such job.
        StoreError: the store failed, or twenty other writers came in between.
    """
    layout = JobLayout(job_uri.rstrip("/"))

    def wish(old: Control) -> Control:
        generation = last_claim(store, layout)
        if not _replaces(desired, old, generation):
            return old
        named = generation if generation and desired is not DesiredState.RUN else None
        said = {"desired": desired, "generation": named, "reason": reason, "written_by": by}
        return old.model_copy(update={**said, "written_at": clock.now()})

    return change_control(layout, wish, store=store)


def adjust(
    job_uri: str, changes: Mapping[str, object], *, reason: str, by: str, store: ObjectStore, clock: Clock
) -> Control:
    """Change single fields of ``control.json`` (``replicas``, ``paused``, ``paused_by``, ``max_tokens``, ``model``).

    All other fields stay, a drain or cancel with the reason and the name of who asked for it. Returns what holds then.
    Raises as ``ask`` does.
    """

    def change(old: Control) -> Control:
        if all(getattr(old, name) == value for name, value in changes.items()):
            return old
        calm = old.desired is DesiredState.RUN
        said = {"reason": reason, "written_by": by, "written_at": clock.now()} if calm else {}
        return old.model_copy(update={**changes, **said})

    return change_control(JobLayout(job_uri.rstrip("/")), change, store=store)


def change_control(layout: JobLayout, change: Callable[[Control], Control], *, store: ObjectStore) -> Control:
    """Apply ``change`` to the control object as it is at the moment of writing; return what holds then.

    ``change`` may be called several times, as others may write in between. Nothing is written if it returns what it
    was given. Raises as ``ask`` does.
    """
    _require_job(store, layout)
    for _ in range(TRIES):
        try:
            old, etag = read_control(store, layout)
            new = change(old)
            if new is old:
                return old
            body = new.model_dump_json(indent=1).encode()
            if etag is None:
                store.create(layout.control, body)
            else:
                store.replace(layout.control, body, etag)
        except (ObjectExists, ObjectChanged, ObjectMissing, InputChanged):
            continue  # somebody else wrote since we looked; look at that
        _log.info("event=control_requested job=%s %s", layout.root, new.model_dump_json(exclude_defaults=True))
        return new
    raise StoreError(f"{layout.control} was changed by others {TRIES} times in a row; ask again.")


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
    """Return the control object and its version; the default one, and None, where nobody has asked anything."""
    try:
        info = store.head(layout.control)
    except ObjectMissing:
        return Control(), None
    with store.open_stream(layout.control, info.etag) as stream:
        body = stream.read()
    try:
        return Control.model_validate_json(body), info.etag
    except ValidationError as error:
        _log.warning(
            "event=control_unreadable uri=%s problems=%d; a new one replaces it", layout.control, error.error_count()
        )
        return Control(), info.etag


def _replaces(desired: DesiredState, old: Control, generation: int) -> bool:
    """Whether a wish is written over the old one, as far as that still holds for ``generation``."""
    if desired is DesiredState.RUN:
        return old.desired is not DesiredState.RUN
    return _STRENGTH.index(desired) > _STRENGTH.index(old.asks_of(generation))
