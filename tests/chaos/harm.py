"""What is broken. A harm takes a running job and does one bad thing to it or to what it runs on."""

from __future__ import annotations

import os
import re
import signal
import socket
import threading
from collections.abc import Callable

import psutil

from chaos.fault import Fault
from chaos.scene import Scene
from llmbatch.core.identity import submission_id_of
from llmbatch.core.states import DesiredState
from llmbatch_stack.demo.job_run import DAG_ID
from llmbatch_stack.wire import call

Harm = Callable[[Scene], None]

_TASK = re.compile(r"^airflow worker -- [0-9a-f-]{36}$")
_WORKER = re.compile(r"^airflow worker -- (LocalExecutor: )?[0-9a-f-]{36}$")


class NoVictimError(AssertionError):
    """There was nothing to kill: the moment does not fit the harm."""


def component(name: str) -> Harm:
    """Kill a component of the stack; the supervisor starts it again."""

    def harm(scene: Scene) -> None:
        os.kill(scene.stack.pid(name), signal.SIGKILL)

    return harm


def driver(scene: Scene) -> None:
    """Kill the Ray job's own process."""
    _kill(scene.drivers(), "driver")


def replica(scene: Scene) -> None:
    """Kill one engine actor."""
    _kill(scene.replicas()[:1], "replica")


def engine_core(scene: Scene) -> None:
    """Kill a child process of vLLM; its actor lives."""
    _kill(scene.engines()[:1], "vLLM process")


def task(scene: Scene) -> None:
    """Kill the process of the running Airflow tasks."""
    _kill([one for one in scene.titled("airflow worker -- ") if _TASK.match(_title(one))], "task process")


def worker(scene: Scene) -> None:
    """Kill the executor's workers together with the tasks that they run."""
    _kill([one for one in scene.titled("airflow worker -- ") if _WORKER.match(_title(one))], "worker with a task")


def node(scene: Scene) -> None:
    """Kill the second Ray node with all that runs on it."""
    if not any(one in scene.stack.node.processes() for one in scene.replicas()):
        raise NoVictimError("the second node holds no replica")
    scene.stack.node.stop()


def head(scene: Scene) -> None:
    """Kill the head node: GCS, raylet, dashboard and every worker on it."""
    ray = psutil.Process(scene.stack.pid("ray"))
    _kill([ray, *ray.children(recursive=True)], "Ray head")


def machine(scene: Scene) -> None:
    """Kill everything at once, the supervisor too."""
    scene.stack.kill()


def store(*faults: Fault) -> Harm:
    """Let the store or the network misbehave from now on."""

    def harm(scene: Scene) -> None:
        scene.stack.proxy.inject(*faults)

    return harm


def foreign_manifest(scene: Scene) -> None:
    """Put the proof of another job where this job's proof belongs."""
    store = scene.stack.store
    proofs = (info.uri for info in store.list(f"{scene.base_uri}/jobs/") if info.uri.endswith("/manifest.json"))
    foreign = next((uri for uri in proofs if not uri.startswith(f"{scene.layout.root}/")), None)
    if foreign is None:
        raise NoVictimError("no other job has a manifest")
    store.put(scene.layout.manifest, store.get(foreign))


def hung_sink(scene: Scene) -> None:
    """Let the webhook of the job's alerts be a server that accepts connections and never answers."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    threading.Thread(target=_accept_all, args=(listener,), daemon=True).start()
    port = listener.getsockname()[1]
    connection = {"connection_id": "chaos_hung", "conn_type": "http", "host": "127.0.0.1", "port": port}
    scene.api.add_connection(connection)


def _accept_all(listener: socket.socket) -> None:
    held = []
    while True:
        held.append(listener.accept())


def nothing(scene: Scene) -> None:
    """Break nothing more: the job itself is the harm."""


def both(first: Harm, second: Harm) -> Harm:
    """Do two bad things, one after the other."""

    def harm(scene: Scene) -> None:
        first(scene)
        second(scene)

    return harm


def request(desired: DesiredState) -> Harm:
    """Write the control object."""
    return lambda scene: scene.control(desired)


def stop_job(scene: Scene) -> None:
    """Have Ray end the job: SIGTERM, then SIGKILL."""
    submission_id = submission_id_of(scene.job_id, 1)
    stack = scene.stack
    url = f"{stack.settings.ray_url}/api/jobs/{submission_id}/stop"
    reply = call(url, method="POST", token=stack.credentials.ray_token, timeout_s=30)
    if reply.status != 200:
        raise NoVictimError(f"Ray does not stop {submission_id}: {reply.status} {reply.text[:200]}")


def clear(scene: Scene) -> None:
    """Clear the task that runs the job."""
    scene.clear("run")


def mark_failed(scene: Scene) -> None:
    """Mark the task that runs the job as failed."""
    scene.insist(lambda: scene.api.mark_task(DAG_ID, scene.run_id, "run", "failed"))


def delete_run(scene: Scene) -> None:
    """Delete the DAG run; Airflow deletes none that is running, so a user marks it failed first."""
    scene.insist(lambda: scene.api.mark_run(DAG_ID, scene.run_id, "failed"))
    scene.insist(lambda: scene.api.delete_run(DAG_ID, scene.run_id))


def _kill(victims: list[psutil.Process], what: str) -> None:
    if not victims:
        raise NoVictimError(f"no {what} is running")
    for victim in victims:
        _send(victim)


def _send(victim: psutil.Process) -> None:
    try:
        victim.kill()
    except psutil.NoSuchProcess:
        return


def _title(process: psutil.Process) -> str:
    """Return the title without the padding that a process leaves which has set its own."""
    try:
        return " ".join(process.cmdline()).rstrip()
    except psutil.NoSuchProcess:
        return ""
