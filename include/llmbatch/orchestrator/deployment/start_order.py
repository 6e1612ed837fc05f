"""The order in which Airflow gives slots of the pool of Ray jobs to waiting tasks: by the priority of their requests.

Airflow starts the waiting task of the highest weight first. It computes weights when it creates the tasks of a run, and
then does not show the run's ``conf`` to the rule. So the weight is computed again when the run starts.

A deferred task that goes on waits for a slot like any other. Without more, a job whose Ray job has finished would wait
for all jobs of higher priority before it could publish. So a task that goes on has the highest weight.

Loaded by every Airflow process through the plugin, so it imports nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.listeners import hookimpl
from airflow.task.priority_strategy import PriorityWeightStrategy

from llmbatch.core.priority import LOWEST_PRIORITY, priority_of
from llmbatch.orchestrator.deployment.names import RAY_POOL

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance

STARTED_WEIGHT = 1000
"""Weight of a task that has held a slot before; above that of every task that waits for its first slot."""


class RunPriority(PriorityWeightStrategy):
    """Weight of a task by the priority in the ``conf`` of its run: 1 for -100, 101 for 0, 201 for 100."""

    def get_weight(self, ti: TaskInstance) -> int:
        """Return the weight; that of priority 0 while Airflow creates the task."""
        run = ti.dag_run
        return 1 - LOWEST_PRIORITY + priority_of(run.conf if run is not None else None)


class StartOrder:
    """Airflow listener: corrects the weights that Airflow computes too early or does not change."""

    @hookimpl
    def on_starting(self, component: object) -> None:
        """Raise the weight of tasks that go on, in processes with a database; a task's process has none."""
        if type(component).__name__ != "Job":
            return
        from airflow.models.taskinstance import TaskInstance
        from sqlalchemy import event

        event.listen(TaskInstance.state, "set", _go_on_first)

    @hookimpl
    def on_dag_run_running(self, dag_run: DagRun, msg: str) -> None:  # noqa: ARG002 - the signature is Airflow's
        """Compute the weights by ``RunPriority`` again, now that the run's ``conf`` is known."""
        rules = {task.task_id: task.weight_rule for task in dag_run.get_dag().tasks}
        ours = {task_id: rule for task_id, rule in rules.items() if isinstance(rule, RunPriority)}
        for ti in dag_run.task_instances if ours else ():
            if ti.task_id in ours:
                ti.priority_weight = ours[ti.task_id].get_weight(ti)


def _go_on_first(ti: TaskInstance, state: object, *_: object) -> None:
    if state == "scheduled" and ti.pool == RAY_POOL and ti.next_method is not None:
        ti.priority_weight = STARTED_WEIGHT
