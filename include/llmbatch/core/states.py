"""The closed sets of names: phases, row states, error classes, control states and exit reasons."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Phase(StrEnum):
    """What a job is doing now, in the order in which phases follow each other."""

    QUEUED = "queued"
    CLUSTER = "cluster"
    MODEL_LOAD = "model_load"
    WORK = "work"
    TAIL = "tail"
    DONE = "done"
    DRAINED = "drained"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def is_terminal(self) -> bool:
        """Whether the Ray job of this generation has ended its work."""
        return self in {Phase.DONE, Phase.DRAINED, Phase.CANCELLED, Phase.FAILED}

    @property
    def stopped_early(self) -> bool:
        """Whether the Ray job of this generation ended before its last row."""
        return self.is_terminal and self is not Phase.DONE


class RowState(StrEnum):
    """How an input row ended. Every row ends in exactly one of these."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class ErrorClass(StrEnum):
    """Why a row failed."""

    INVALID = "invalid"
    TOO_LONG = "too_long"
    SCHEMA = "schema"
    ENGINE = "engine"
    TIMEOUT = "timeout"
    POISON = "poison"


class DesiredState(StrEnum):
    """The state that the control object requests of a running job, the weakest request first."""

    RUN = "run"
    DRAIN = "drain"
    CANCEL = "cancel"

    @property
    def strength(self) -> int:
        """Rank among the requests: cancel is stronger than drain, and drain is stronger than run."""
        return tuple(DesiredState).index(self)


class ExitReason(IntEnum):
    """Exit codes of ``python -m llmbatch.cluster``."""

    COMMITTED = 0
    DRAINED = 10
    CANCELLED = 11
    ERROR_RATE = 12
    SUPERSEDED = 13
    INTERRUPTED = 14
    BAD_SPEC = 20
    STORE_UNREACHABLE = 21
    ENGINE_START = 22
    OTHER_VERSION = 23
    CRASHED = 30

    @property
    def is_final(self) -> bool:
        """Whether the job must not be restarted automatically: it would end the same way, or a user stopped it."""
        return self in {
            ExitReason.DRAINED,
            ExitReason.CANCELLED,
            ExitReason.ERROR_RATE,
            ExitReason.BAD_SPEC,
            ExitReason.ENGINE_START,
            ExitReason.OTHER_VERSION,
        }

    @property
    def advice(self) -> str:
        """One sentence for a person on call."""
        return _ADVICE[self]


_ADVICE = {
    ExitReason.COMMITTED: "All shards are committed.",
    ExitReason.DRAINED: "The job was drained; clear the task `run` to continue from the committed shards.",
    ExitReason.CANCELLED: "The job was cancelled through its control object.",
    ExitReason.ERROR_RATE: "Too many rows failed; look at the failed rows, repair the input or raise max_error_rate.",
    ExitReason.SUPERSEDED: "A later generation of the job has taken over; the next try attaches to it.",
    ExitReason.INTERRUPTED: "A signal ended the Ray job; the next generation continues from the committed shards.",
    ExitReason.BAD_SPEC: "The job cannot run as it was accepted; start it again with a valid request.",
    ExitReason.STORE_UNREACHABLE: "The object store failed longer than retries last; nothing committed is lost.",
    ExitReason.ENGINE_START: "The model or engine could not start; check model name, files and engine settings.",
    ExitReason.OTHER_VERSION: "llmbatch differs between Airflow and Ray; bring both to one version, then clear `run`.",
    ExitReason.CRASHED: "The Ray job crashed; see its log. Committed shards are kept.",
}
