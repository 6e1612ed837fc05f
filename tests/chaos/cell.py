"""One cell of the matrix: a job, something that is broken at some moment, and what came of it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from chaos.harm import Harm
from chaos.moment import Moment
from chaos.scene import Scene
from chaos.stack import ChaosStack
from chaos.verdict import Outcomes, Verdict, answer_times, judge, judge_stopped
from chaos.workload import ECHO, Workload
from llmbatch_stack.demo.airflow_api import TaskState
from llmbatch_stack.demo.job_run import DAG_ID

Mend = Callable[[Scene], None]
"""What a person does after the harm; most harms need no person."""

_MOMENT_SECONDS = 600.0
_UNDISTURBED_SECONDS = 1200.0
_SLOW_FACTOR = 6.0
"""A recovery may also take so many times what the undisturbed run took."""
_LOG_LINES = 4


@dataclass(frozen=True)
class Cell:
    """A harm at a moment. ``delivers`` is False where the job is not continued."""

    name: str
    harm: Harm
    moment: Moment
    mend: Mend | None = None
    workload: Workload = ECHO
    delivers: bool = True
    seconds: float = 240.0
    """How long the recovery may take, on a machine at least as fast as ours."""

    @property
    def title(self) -> str:
        """``driver@mid-work``."""
        return f"{self.name}@{self.moment.name}"

    def on(self, workload: Workload) -> Cell:
        """Return the same cell with another job."""
        return Cell(self.name, self.harm, self.moment, self.mend, workload, self.delivers, self.seconds)


@dataclass(frozen=True)
class Report:
    """How a cell ended, after how many seconds from the trigger."""

    cell: Cell
    verdict: Verdict
    seconds: float

    def line(self) -> str:
        """Return one line for a person."""
        verdict = self.verdict
        redone = "-" if verdict.rows_redone is None else str(verdict.rows_redone)
        head = f"{'ok  ' if verdict.passed else 'FAIL'} {self.cell.workload.name:<9} {self.cell.title:<32}"
        text = f"{head} {self.seconds:6.1f} s  redone {redone:>3}/{self.cell.workload.rows_in_flight}"
        text += f"  generations {verdict.generations}"
        if not verdict.passed:
            counts = f"missing {verdict.missing} doubled {verdict.duplicates} different {verdict.different}"
            text += f"  {counts}  {'; '.join(verdict.wrong)}"
        return text


class Matrix:
    """Runs cells on one stack, each against an undisturbed run of its own workload."""

    def __init__(self, stack: ChaosStack) -> None:
        self._stack = stack
        self._undisturbed: dict[str, Outcomes] = {}
        self._seconds: dict[str, float] = {}
        self._seconds_to_first_answer: dict[str, float] = {}

    @property
    def stack(self) -> ChaosStack:
        """What the cells run on."""
        return self._stack

    def run(self, cell: Cell) -> Report:
        """Run one cell. A cell whose job does not come to its end is a failed cell, not an error."""
        undisturbed = self.undisturbed(cell.workload)
        began = time.monotonic()
        try:
            with self._scene(cell.workload, cell.title.replace("@", "-")) as scene:
                began = time.monotonic()
                verdict = self._verdict(cell, scene, undisturbed)
        except Exception as error:  # the matrix goes on: the next cells say whether the stack still works
            verdict = Verdict(wrong=(f"{type(error).__name__}: {error}",))
        return Report(cell, verdict, time.monotonic() - began)

    def undisturbed(self, workload: Workload) -> Outcomes:
        """Return what the workload gives when nothing happens; runs it once."""
        if workload.name not in self._undisturbed:
            with self._scene(workload, "undisturbed") as scene:
                began = time.time()
                scene.api.trigger(DAG_ID, workload.conf(), scene.run_id)
                _require_success(scene, _UNDISTURBED_SECONDS)
                outcomes = Outcomes.read(scene, texts=not workload.real_engine)
                seconds, answered = time.time() - began, answer_times(self._stack.journal)
            if len(outcomes.committed) != workload.rows:
                raise AssertionError(f"the undisturbed run has {len(outcomes.committed)} of {workload.rows} rows")
            self._undisturbed[workload.name], self._seconds[workload.name] = outcomes, seconds
            if answered:
                self._seconds_to_first_answer[workload.name] = min(answered) - began
        return self._undisturbed[workload.name]

    def seconds_to_first_answer(self, workload: Workload) -> float:
        """Return what this machine takes from a trigger to the first answer of a fake engine when nothing happens."""
        self.undisturbed(workload)
        return self._seconds_to_first_answer[workload.name]

    def _verdict(self, cell: Cell, scene: Scene, undisturbed: Outcomes) -> Verdict:
        trap = cell.moment.trap(self._stack.proxy, scene.layout, lambda: cell.harm(scene))
        scene.api.trigger(DAG_ID, cell.workload.conf(), scene.run_id)

        def came_or_never_will() -> bool:
            return trap.sprung.is_set() or (trap.seen < trap.nth and scene.run_state() == "failed")

        scene.until(came_or_never_will, "the moment", _MOMENT_SECONDS)
        if trap.error is not None:
            raise trap.error
        if not trap.sprung.is_set():
            raise AssertionError("the run failed before the moment came")
        if cell.mend is not None:
            cell.mend(scene)
        texts = not cell.workload.real_engine
        if not cell.delivers:
            return judge_stopped(scene, undisturbed, texts=texts)
        _require_success(scene, max(cell.seconds, _SLOW_FACTOR * self._seconds[cell.workload.name]))
        return judge(scene, undisturbed, cell.workload.rows_in_flight, texts=texts)

    @contextmanager
    def _scene(self, workload: Workload, title: str) -> Iterator[Scene]:
        """Make the stack whole again, and set the stage for one job."""
        stack = self._stack
        stack.mend()
        if workload.replicas > 1:
            stack.node.start()
        for file in stack.journal.glob("*.txt"):
            file.unlink()
        stack.configure(workload.engine(stack), **workload.sections)
        workload.upload(stack)
        with stack.api() as api:
            yield Scene(stack, api, f"chaos__{title}__{uuid.uuid4().hex[:8]}")


def _require_success(scene: Scene, seconds: float) -> None:
    """Wait for the end of the run.

    Raises:
        NotInTimeError: it did not end.
        AssertionError: it failed; with the tasks' states.
    """
    scene.until(lambda: scene.run_state() in {"success", "failed"}, "the end of the run", seconds)
    if scene.run_state() == "success":
        return
    tasks = scene.insist(lambda: scene.api.tasks(DAG_ID, scene.run_id))
    ends = [
        f"{task.task_id} (try {task.attempt}): {_log_end(scene, task)}"
        for task in tasks.values()
        if task.state == "failed"
    ]
    raise AssertionError(f"the run failed: {'; '.join(ends)}"[:1500])


def _log_end(scene: Scene, task: TaskState) -> str:
    log = scene.insist(lambda: scene.api.log(DAG_ID, scene.run_id, task.task_id, task.attempt))
    return " | ".join(log.splitlines()[-_LOG_LINES:])
