"""Which side may do what with which objects under ``store.base_uri``: the table behind the S3 policies of both keys.

Airflow's key is that of tasks, triggers and the HTTP API; Ray's is that of drivers and replicas. Each may do what its
code does, and nothing more. So Airflow's cannot make answers, and Ray's cannot accept, deliver or prove a job. Copies
and restores of backups need a third key, that of an operator (``python -m llmbatch.cli.backup``).

What is outside of ``store.base_uri``, such as inputs, is not in the table: ``core/access_policy.py`` adds it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property


class Side(StrEnum):
    """Whose key it is."""

    AIRFLOW = "airflow"
    RAY = "ray"


class Operation(StrEnum):
    """What is done with an object. Names of objects are no secret: both sides may list a bucket."""

    READ = "read"
    """Content, metadata, or as the source of a copy."""
    WRITE = "write"
    """Made or replaced."""
    DELETE = "delete"


_READ, _WRITE, _DELETE = Operation.READ, Operation.WRITE, Operation.DELETE
Rights = frozenset[Operation]
NONE: Rights = frozenset()
R: Rights = frozenset({_READ})
RW: Rights = frozenset({_READ, _WRITE})
RD: Rights = frozenset({_READ, _DELETE})
RWD: Rights = frozenset({_READ, _WRITE, _DELETE})
W: Rights = frozenset({_WRITE})


@dataclass(frozen=True)
class Place:
    """Objects of one kind. In ``pattern``, relative to the base, ``?`` is one character and ``*`` any number of them.

    The two are those of S3 policies, where ``*`` takes slashes too. ``?`` is why a pattern of one folder of a job never
    takes a key in another: a job id has exactly 16 characters after ``job-``.
    """

    pattern: str
    airflow: Rights
    ray: Rights

    def rights_of(self, side: Side) -> Rights:
        """Return what a side may do here."""
        return self.airflow if side is Side.AIRFLOW else self.ray

    def holds(self, key: str) -> bool:
        """Whether a key, relative to the base, is one of these objects."""
        return self._compiled.fullmatch(key) is not None

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        parts = (".*" if char == "*" else "." if char == "?" else re.escape(char) for char in self.pattern)
        return re.compile("".join(parts), re.DOTALL)


JOB = "jobs/job-????????????????"

PLACES: tuple[Place, ...] = (
    # a job's folder                             Airflow Ray
    Place(f"{JOB}/spec.json",                    RWD,    R),
    Place(f"{JOB}/inputs/*",                     RWD,    NONE),
    Place(f"{JOB}/admission.json",               RWD,    NONE),
    Place(f"{JOB}/dry_run.json",                 RWD,    NONE),
    Place(f"{JOB}/batch_errors.json",            RWD,    NONE),
    Place(f"{JOB}/eta/basis.json",               RWD,    R),
    Place(f"{JOB}/eta/traces/*",                 RD,     W),
    Place(f"{JOB}/staged/manifest.json",         RWD,    R),
    Place(f"{JOB}/staged/shard-*",               RWD,    R),
    Place(f"{JOB}/staged/columns/*",             RWD,    NONE),
    Place(f"{JOB}/control.json",                 RWD,    R),
    Place(f"{JOB}/generations/*",                RWD,    RW),  # retention fences a job off that it removes
    Place(f"{JOB}/.probe",                       RD,     RW),
    Place(f"{JOB}/progress.json",                RD,     RW),
    Place(f"{JOB}/crashes/*",                    RD,     RW),
    Place(f"{JOB}/results/*",                    RD,     RW),
    Place(f"{JOB}/failed/*",                     RWD,    NONE),
    Place(f"{JOB}/output/*",                     RWD,    NONE),
    Place(f"{JOB}/manifest.json",                RWD,    R),  # read by a job that another one has paused
    Place(f"{JOB}/sla.json",                     RWD,    NONE),
    Place(f"{JOB}/alerts/*",                     RWD,    NONE),
    Place(f"{JOB}/reactions/*",                  RWD,    NONE),
    # what jobs share
    Place("idempotency/*",                       RWD,    NONE),
    Place("queue.json",                          RW,     NONE),
    Place("index/*",                             RWD,    NONE),
    Place("eta/history.json*",                   RW,     NONE),
    Place("models/*/tuned.json",                 RW,     NONE),
    Place("benchmarks/*",                        RW,     NONE),
    Place("drop/*",                              RWD,    NONE),
    Place("backups/*",                           R,      NONE),
    # the HTTP API
    Place("service.json",                        RW,     NONE),
    Place("gateway/*",                           RWD,    NONE),
)  # fmt: skip
"""Every object under the base. A key that is in no place is forbidden to both sides, and so is what is not listed."""


def place_of(key: str) -> Place | None:
    """Return the place of a key relative to the base; None if there is none."""
    return next((place for place in PLACES if place.holds(key)), None)


def may(side: Side, operation: Operation, key: str) -> bool:
    """Whether a side may do that with a key relative to the base."""
    place = place_of(key)
    return place is not None and operation in place.rights_of(side)
