"""Run jobs of different shape on the real engine and keep their heartbeats: ``benchmarks/eta_real/traces``.

Takes about an hour on two cores; nothing else may run on them, for their pace is part of what is recorded. Traces are
recorded once, with the version that writes these heartbeats, and committed. ``LLMBATCH_TRACES`` is a pattern of the
names to record: ``LLMBATCH_TRACES=labels`` records the jobs of labels.

    PYTHONPATH=include:deploy/embedded:benchmarks .llmbatch/venvs/airflow/bin/python benchmarks/record_traces.py
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import time

import psutil

from eta_real.shapes import SHAPES, Shape
from eta_real.trace import RealTrace
from llmbatch.core.errors import ObjectMissing, StoreError
from llmbatch.core.job_spec import JobSpec
from llmbatch.core.layout import JobLayout
from llmbatch.core.progress import Progress
from llmbatch.s3.store import S3Store
from llmbatch_stack import settings as stack_settings
from llmbatch_stack import stack
from llmbatch_stack.credentials import load_or_create
from llmbatch_stack.demo.airflow_api import AirflowApi
from llmbatch_stack.demo.job_run import DAG_ID, follow, layout_of, open_airflow, open_store

LOOK_SECONDS = 0.7
"""How often progress.json is read: oftener than it is written, so that no heartbeat is missed."""

KILL_AT = 0.4


class Recorder(threading.Thread):
    """Collects every heartbeat of one job; kills its driver once at 40 % if the shape says so."""

    def __init__(self, store: S3Store, layout: JobLayout, *, kill: bool) -> None:
        super().__init__(name="recorder", daemon=True)
        self._store, self._layout, self._kill = store, layout, kill
        self.over = threading.Event()
        self.beats: list[Progress] = []

    def run(self) -> None:
        """Poll until stopped."""
        while not self.over.wait(LOOK_SECONDS):
            self.look()

    def look(self) -> None:
        """Take the heartbeat if it is a new one."""
        try:
            beat = Progress.model_validate_json(self._store.get(self._layout.progress))
        except (ObjectMissing, StoreError):
            return
        if self.beats and beat.sequence == self.beats[-1].sequence:
            return
        self.beats.append(beat)
        if self._kill and beat.rows.ended >= KILL_AT * beat.rows.total:
            self._kill = False
            kill_driver(beat.job_id)


def kill_driver(job_id: str) -> None:
    """Kill the Ray job's own process."""
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "llmbatch.cluster" in words and any(job_id in word for word in words):
            process.send_signal(signal.SIGKILL)


def record(shape: Shape, api: AirflowApi, store: S3Store) -> RealTrace:
    """Run one job and return its trace."""
    input_uri = f"s3://{stack_settings.BUCKET}/inputs/traces/{shape.name}.jsonl"
    store.put(input_uri, shape.text().encode())
    conf: dict[str, object] = {
        "input_uri": input_uri,
        "engine": {"batch_size": shape.batch_size},
        "sampling": {"max_tokens": shape.most},
    }
    run = api.trigger(DAG_ID, conf)
    layout = layout_of(run)
    recorder = Recorder(store, layout, kill=shape.killed)
    recorder.start()
    follow(api, store, run, lambda *_: None, poll_seconds=5)
    recorder.over.set()
    recorder.join()
    recorder.look()
    spec = JobSpec.model_validate_json(store.get(layout.spec))
    results = [item.modified for item in store.list(layout.results) if item.modified is not None]
    return RealTrace(
        name=shape.name,
        order=shape.order,
        template=shape.template,
        max_tokens=shape.most,
        slots=spec.engine.max_num_seqs,
        created_at=spec.created_at,
        finished_at=max([beat.written_at for beat in recorder.beats if beat.phase.is_terminal] or results),
        beats=tuple(recorder.beats),
    )


def main() -> int:
    """Record what matches; stop the stack if it was started here."""
    wanted = re.compile(os.environ.get("LLMBATCH_TRACES", ""))
    settings = stack_settings.load()
    started_here = stack.up(settings, print)
    credentials = load_or_create(settings)
    try:
        with open_airflow(settings, credentials) as api:
            store = open_store(settings, credentials)
            for shape in SHAPES:
                if wanted.search(shape.name):
                    began = time.monotonic()
                    trace = record(shape, api, store)
                    path = trace.write()
                    seconds = time.monotonic() - began
                    print(f"{path.name}: {len(trace.beats)} heartbeats, {seconds:.0f} s", flush=True)
    finally:
        if started_here:
            stack.down(settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
