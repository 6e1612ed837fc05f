"""What a job and its replicas must do now, folded from everything that may give them orders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from llmbatch.cluster.exchange.replica_report import Orders
from llmbatch.core.control import Control
from llmbatch.core.states import DesiredState


@dataclass(frozen=True)
class Order:
    """A state that one source requires, and why."""

    desired: DesiredState = DesiredState.RUN
    reason: str = ""

    @property
    def because(self) -> str:
        """The reason as the end of a message; empty if there is none."""
        return f": {self.reason}" if self.reason else ""


@dataclass(frozen=True)
class Standing:
    """What holds now.

    Attributes:
        job: the strongest order to the job, with the reason that its source gives.
        replicas: what every replica of the current stream must do, which is at least what the job must.
    """

    job: Order
    replicas: Orders


def fold(
    control: Control,
    generation: int,
    signal: Order,
    stream: DesiredState,
    expires_in: float | None = None,
    *,
    delivers: bool = False,
) -> Standing:
    """Return what holds for a generation.

    A control object that requests a drain and a signal that cancels give a cancel, with the signal's reason. Where two
    sources require the same, the control object's reason is used, unless it gives none.

    Args:
        control: the control object as last read; parts of it may concern earlier generations only.
        generation: the one that runs.
        signal: what this process requires of its job.
        stream: what this process requires of the replicas only, while the job continues.
        expires_in: seconds until the job's rows expire; None: they do not.
        delivers: whether a cancel ends rows as cancelled, instead of the job.
    """
    sources = (Order(control.asks_of(generation), control.reason), signal)
    desired = _strongest(*(each.desired for each in sources))
    reason = ""
    if desired is not DesiredState.RUN:
        reason = next((each.reason for each in sources if each.desired is desired and each.reason), "")
    cancels = delivers and desired is DesiredState.CANCEL
    # The replicas of a job that delivers must not abandon the rows that have ended.
    replicas = _strongest(signal.desired if cancels else desired, stream)
    return Standing(Order(desired, reason), Orders(replicas, control.max_tokens, expires_in, cancels))


class JobOrders:
    """The latest order of each source, for one generation.

    Each source writes its own field and no other, so that the heartbeat's thread, the main thread and a signal handler
    need no lock.

    Args:
        generation: the one that runs.
        expires_in: returns the seconds until the job's rows expire by this process's clock; None: they do not.
        delivers: whether a cancel ends rows as cancelled, instead of the job.
    """

    def __init__(
        self, generation: int, expires_in: Callable[[], float | None] = lambda: None, *, delivers: bool = False
    ) -> None:
        self._generation, self._expires_in, self._delivers = generation, expires_in, delivers
        self._signal, self._stream = Order(), DesiredState.RUN
        self.control = Control()

    @property
    def now(self) -> Standing:
        """What holds now."""
        return fold(
            self.control, self._generation, self._signal, self._stream, self._expires_in(), delivers=self._delivers
        )

    @property
    def cancels(self) -> bool:
        """Whether the rows without an outcome end as cancelled, and the job is delivered."""
        return self.now.replicas.cancels

    def demand(self, desired: DesiredState, reason: str) -> None:
        """Require at least this of the job, whatever the control object contains; never taken back."""
        if _strongest(desired, self._signal.desired) is not self._signal.desired:
            self._signal = Order(desired, reason)

    def hold(self, desired: DesiredState) -> None:
        """Require at least this of the replicas of the current stream; RUN takes it back."""
        self._stream = desired


def _strongest(*states: DesiredState) -> DesiredState:
    return max(states, key=lambda state: state.strength)
