"""What a person does after a harm, where the system rightly waits for one."""

from __future__ import annotations

from chaos.scene import Scene
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


def _runs(scene: Scene) -> bool:
    return bool(scene.active_ray_jobs() or scene.drivers())
