"""The fence between generations: the latest claim may work, all earlier ones must stop.

A claim is a create-only object ``generations/g<n>``. The store hands out the numbers, not Ray and not Airflow: two
submissions under one number (a head node that lost its memory of the first, say) still get two claims. A claim may come
between an old generation's check and its write. The create-only result objects close that gap: a shard has one result,
and the later writer gets ``ObjectExists``.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict

from llmbatch.core.errors import ObjectExists, Superseded
from llmbatch.core.layout import JobLayout
from llmbatch.core.store import ObjectStore


class Claim(BaseModel):
    """One claim on a job: ``owner`` is a submission id, or what took the job away from all of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = 1
    generation: int
    owner: str
    claimed_at: AwareDatetime


def claim(store: ObjectStore, layout: JobLayout, *, owner: str, now: datetime, at_least: int = 1) -> Claim:
    """Take the job over: write the first free claim from ``at_least`` on, above all that are there.

    With claims 1 and 2 there, ``at_least`` 1 gives 3 and ``at_least`` 5 gives 5. If the answer to a write is lost and
    the write is repeated, a number may be left out or be taken twice by one owner; the highest one counts.
    """
    number = max(at_least, last_claim(store, layout) + 1)
    while True:
        mine = Claim(generation=number, owner=owner, claimed_at=now)
        try:
            store.create(layout.claim(number), mine.model_dump_json().encode())
        except ObjectExists:
            number += 1
        else:
            return mine


def last_claim(store: ObjectStore, layout: JobLayout) -> int:
    """Return the highest number claimed, 0 if none is. Objects with other names are ignored."""
    numbers = (layout.generation_of(info.uri) for info in store.list(layout.claims))
    return max((number for number in numbers if number is not None), default=0)


def require_latest(store: ObjectStore, layout: JobLayout, job_id: str, generation: int) -> None:
    """Make sure that no later generation has claimed the job. One request.

    Raises:
        Superseded: one has.
    """
    last = last_claim(store, layout)
    if last > generation:
        raise Superseded(job_id, generation, last)
