"""What a person does after a harm, where the system rightly waits for one."""

from __future__ import annotations

from collections.abc import Callable

from chaos.scene import Scene
from llmbatch.core.alerts import Level, read_alerts
from llmbatch.core.states import Phase

_STOP_SECONDS = 30.0
"""Ray gives a job 15 s after its SIGTERM."""


def start_again(scene: Scene) -> None:
    """Start the machine again: `make up`."""
    scene.stack.up()


def resume_drained(scene: Scene) -> None:
    """See the job drained and left at rest, then clear its task: the drain was for the generation that heard it."""
    scene.until_phase(Phase.DRAINED)
    scene.until(lambda: not _runs(scene), "the drained Ray job ends")
    scene.until(lambda: scene.run_state() == "failed", "a drained job rests, and Airflow does not try again")
    scene.clear("run")


def resume_cancelled(scene: Scene) -> None:
    """See the job end as cancelled with its committed shards kept, then have it go on after all."""
    scene.until_phase(Phase.CANCELLED)
    scene.until(lambda: scene.run_state() == "failed", "a cancelled job fails its run")
    kept = scene.committed()
    if not kept:
        raise AssertionError("a cancelled job lost its committed shards")
    scene.clear("run")
    scene.until(lambda: scene.run_state() == "success", "the end of the run", 600)
    changed = [uri for uri, etag in scene.committed().items() if kept.get(uri, etag) != etag]
    if changed or kept.keys() - scene.committed().keys():
        raise AssertionError(f"committed shards changed after a cancel: {changed}")


def clear_failed(scene: Scene) -> None:
    """See the Ray job end because its task was marked as failed, then clear the task."""
    scene.until(lambda: not _runs(scene), "the Ray job ends", _STOP_SECONDS)
    scene.clear("run")


def remove_foreign_manifest(scene: Scene) -> None:
    """See the job refuse a proof that is not its own and leave it alone, then remove it and clear the task."""
    store, proof = scene.stack.store, scene.layout.manifest
    foreign = store.head(proof)
    scene.until(lambda: scene.run_state() == "failed", "a job with a foreign manifest fails")
    if store.head(proof) != foreign:
        raise AssertionError("the job overwrote a manifest that was there")
    store.delete(proof)
    scene.clear("publish")
    scene.until(lambda: scene.run_state() != "failed", "the run continues")


def see(level: Level) -> Callable[[Scene], None]:
    """Return a step that waits until the job has raised an alert of a level while it runs."""

    def mend(scene: Scene) -> None:
        scene.until(
            lambda: any(alert.level is level for alert in read_alerts(scene.stack.store, scene.layout)),
            f"a {level.value} alert",
        )
        if scene.run_state() != "running":
            raise AssertionError(f"the {level.value} alert came when the job was over")

    return mend


def _runs(scene: Scene) -> bool:
    return bool(scene.active_ray_jobs() or scene.drivers())
