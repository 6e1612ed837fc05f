"""Ask a running job to drain, to cancel or to run on, without losing what somebody else asks at the same moment.

A drain or cancel is meant for the generation that runs now and for those before it: the generation of a cleared task
runs. While nobody has claimed the job yet it is meant for all, until somebody asks to run.

On the command line, with the store in the usual ``AWS_*`` environment::

    python -m llmbatch.orchestrator.controlling s3://bucket/prefix/jobs/<job_id> drain --reason "node maintenance"
"""

from __future__ import annotations

import argparse
import getpass
import logging
import sys
from collections.abc import Sequence

from pydantic import ValidationError

from llmbatch.core.claims import last_claim
from llmbatch.core.clock import Clock, SystemClock
from llmbatch.core.control import Control
from llmbatch.core.errors import (
    InputChanged,
    LlmbatchError,
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
_LOG = logging.getLogger(__name__)


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
    _require_job(store, layout)
    for _ in range(TRIES):
        try:
            old, etag = _read(store, layout)
            generation = last_claim(store, layout)
            if not _replaces(desired, old, generation):
                return old
            named = generation if generation and desired is not DesiredState.RUN else None
            wish = {"desired": desired, "generation": named, "reason": reason, "written_by": by}
            new = old.model_copy(update={**wish, "written_at": clock.now()})
            body = new.model_dump_json(indent=1).encode()
            if etag is None:
                store.create(layout.control, body)
            else:
                store.replace(layout.control, body, etag)
        except (ObjectExists, ObjectChanged, ObjectMissing, InputChanged):
            continue  # somebody else wrote since we looked; look at that
        _LOG.info("asked job=%s desired=%s generation=%s by=%s", layout.root, desired.value, named, by)
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


def _read(store: ObjectStore, layout: JobLayout) -> tuple[Control, str | None]:
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
        _LOG.warning("replacing an unreadable %s problems=%d", layout.control, error.error_count())
        return Control(), info.etag


def _replaces(desired: DesiredState, old: Control, generation: int) -> bool:
    """Whether a wish is written over the old one, as far as that still holds for ``generation``."""
    if desired is DesiredState.RUN:
        return old.desired is not DesiredState.RUN
    return _STRENGTH.index(desired) > _STRENGTH.index(old.asks_of(generation))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; print the control object that holds now."""
    parser = argparse.ArgumentParser(prog="python -m llmbatch.orchestrator.controlling", description=__doc__)
    parser.add_argument("job_uri", help="the job's folder, s3://bucket/prefix/jobs/<job_id>")
    parser.add_argument("desired", choices=[state.value for state in DesiredState])
    parser.add_argument("--reason", required=True, help="shown in the job's log and outcome")
    parser.add_argument("--by", default=None, help="who asks; the login name if not given")
    given = parser.parse_args(arguments)
    from llmbatch.orchestrator.store import open_environment_store

    try:
        control = ask(
            given.job_uri,
            DesiredState(given.desired),
            reason=given.reason,
            by=given.by or getpass.getuser(),
            store=open_environment_store(),
            clock=SystemClock(),
        )
    except (LlmbatchError, ValueError) as error:
        print(f"{given.job_uri}: {error}", file=sys.stderr)
        return 1
    if control.desired.value != given.desired:
        stronger = f"{control.written_by} asked to {control.desired.value} ({control.reason}), which stays"
        print(f"{given.job_uri}: {stronger}; ask to run first if it no longer holds.", file=sys.stderr)
    print(f"RESULT {control.model_dump_json()}")
    return 0 if control.desired.value == given.desired else 2


if __name__ == "__main__":
    sys.exit(main())
