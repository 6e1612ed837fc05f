"""The matrix: which harm at which moment."""

from __future__ import annotations

from chaos import harm, mend, moment
from chaos.cell import Cell, Mend
from chaos.fault import Effect, Fault, Match
from chaos.workload import LATE, SHORT, SLOW, TWO_NODES, VLLM, VLLM_SCHEMAS, with_skewed_driver
from llmbatch.core.alerts import Level
from llmbatch.core.states import DesiredState

_RESULTS = Match("PUT", "/results/shard-")
_STAGED_READS = Match("GET", "/staged/shard-")
_STAGED_WRITES = Match("PUT", "/staged/")
_OUTPUT = Match("PUT", "/output/")
_PROOF = Match("PUT", "/manifest.json$")

# Faults of the store and of the network. "Storm" ones hit everything for some seconds.
_SLOW_DOWN = Fault(Effect.REFUSE, seconds=8, status=503, code="SlowDown")
_INTERNAL = Fault(Effect.REFUSE, seconds=8, status=500, code="InternalError")
_SKEWED = Fault(Effect.REFUSE, seconds=8, status=403, code="RequestTimeTooSkewed")
_OUTAGE = Fault(Effect.CUT_BEFORE, seconds=6)
_LATENCY = Fault(Effect.DELAY, seconds=15, amount=1.0)
_THROTTLED = Fault(Effect.THROTTLE, seconds=15, amount=4_000)
_SILENCE = Fault(Effect.SILENCE, seconds=12, amount=70)
_LATE_COMMIT = Fault(Effect.DELAY, _RESULTS, count=1, amount=25.0)


def _hidden(newest: int, seconds: float) -> Fault:
    return Fault(Effect.HIDE_NEWEST, seconds=seconds, amount=newest)


def _cells(name: str, what: harm.Harm, *moments: moment.Moment, repair: Mend | None = None) -> list[Cell]:
    return [Cell(name, what, when, repair) for when in moments]


_M = moment

AIRFLOW = [
    *_cells("task", harm.task, _M.STAGING, _M.PUBLISH, _M.PROOF),
    *_cells("worker", harm.worker, _M.STAGING, _M.PUBLISH),
    *_cells("scheduler", harm.component("airflow-scheduler"), _M.STAGING, _M.ENGINE_START, _M.MID_WORK, _M.PUBLISH),
    *_cells("triggerer", harm.component("airflow-triggerer"), _M.ENGINE_START, _M.MID_WORK),
    *_cells("api-server", harm.component("airflow-api-server"), _M.STAGING, _M.MID_WORK, _M.PUBLISH),
    *_cells("dag-processor", harm.component("airflow-dag-processor"), _M.MID_WORK),
    *_cells("postgres", harm.component("postgres"), _M.STAGING, _M.MID_WORK, _M.PUBLISH),
]
RAY = [
    *_cells("driver", harm.driver, _M.ENGINE_START, _M.MID_WORK, _M.COMMIT, _M.COMMITTED),
    *_cells("replica", harm.replica, _M.MID_WORK, _M.COMMIT, _M.COMMITTED),
    *_cells("head", harm.head, _M.ENGINE_START, _M.MID_WORK, _M.COMMIT),
    *(
        cell.on(TWO_NODES)
        for cell in [
            *_cells("node", harm.node, _M.MID_WORK, _M.COMMIT, _M.COMMITTED),
            *_cells("driver", harm.driver, _M.MID_WORK),
            *_cells("replica", harm.replica, _M.COMMIT),
        ]
    ),
]
MACHINE = _cells(
    "machine", harm.machine, _M.STAGING, _M.ENGINE_START, _M.MID_WORK, _M.COMMIT, _M.PUBLISH, repair=mend.start_again
)
STORE = [
    *_cells("s3-server", harm.component("seaweedfs"), _M.STAGING, _M.ENGINE_START, _M.MID_WORK, _M.COMMIT, _M.PUBLISH),
    *_cells("slow-down", harm.store(_SLOW_DOWN), _M.STAGING, _M.MID_WORK, _M.PUBLISH),
    *_cells("internal-error", harm.store(_INTERNAL), _M.MID_WORK),
    *_cells("outage", harm.store(_OUTAGE), _M.STAGING, _M.ENGINE_START, _M.COMMIT, _M.PUBLISH),
    *_cells("skewed-clock", harm.store(_SKEWED), _M.STAGING, _M.MID_WORK),
    *_cells("silent-store", harm.store(_SILENCE), _M.STAGING, _M.MID_WORK, _M.PUBLISH),
    *_cells("latency", harm.store(_LATENCY), _M.MID_WORK),
    *_cells("throttled", harm.store(_THROTTLED), _M.COMMIT),
    *_cells("cut-request", harm.store(Fault(Effect.CUT_BEFORE, _RESULTS, count=3)), _M.COMMIT),
    *_cells("cut-body", harm.store(Fault(Effect.CUT_BODY, _STAGED_READS, count=3)), _M.MID_WORK),
    *_cells("lost-answer", harm.store(Fault(Effect.CUT_AFTER, _STAGED_WRITES, count=3)), _M.STAGING),
    *_cells("lost-answer", harm.store(Fault(Effect.CUT_AFTER, _RESULTS, count=3)), _M.COMMIT),
    *_cells("lost-answer", harm.store(Fault(Effect.CUT_AFTER, _OUTPUT, count=2)), _M.PUBLISH),
    *_cells("lost-answer", harm.store(Fault(Effect.CUT_AFTER, _PROOF, count=1)), _M.BEFORE_PROOF),
    *_cells("late-commit", harm.both(harm.store(_LATE_COMMIT), harm.driver), _M.COMMIT),
    *_cells("hidden-results", harm.store(_hidden(3, 20)), _M.LAST_HEARTBEAT),
    *_cells("hidden-results", harm.both(harm.store(_hidden(3, 30)), harm.driver), _M.MID_WORK),
]
PEOPLE = [
    Cell("drain", harm.request(DesiredState.DRAIN), _M.MID_WORK, mend.resume_drained),
    Cell("drain", harm.request(DesiredState.DRAIN), _M.ENGINE_START, mend.resume_drained),
    Cell("drain", harm.request(DesiredState.DRAIN), _M.FIRST_COMMIT, mend.resume_drained),
    Cell("cancel", harm.request(DesiredState.CANCEL), _M.MID_WORK, mend.resume_cancelled),
    Cell("stop-job", harm.stop_job, _M.MID_WORK, workload=SLOW),
    Cell("clear", harm.clear, _M.MID_WORK),
    Cell("mark-failed", harm.mark_failed, _M.MID_WORK, mend.clear_failed, workload=SLOW),
    Cell("delete-run", harm.delete_run, _M.MID_WORK, workload=SLOW, delivers=False),
]
PROOF_CELLS = [Cell("foreign-manifest", harm.foreign_manifest, _M.PUBLISH, mend.remove_foreign_manifest)]
ALERT_CELLS = [
    Cell("hung-sink", harm.hung_sink, _M.STAGING, mend.see(Level.CRITICAL), LATE),
    *(
        Cell(f"clock{skew:+d}s", harm.nothing, _M.MID_WORK, mend.see(Level.RED), with_skewed_driver(LATE, skew))
        for skew in (-65, 65)
    ),
]
"""A hung receiver and a wrong clock cost no row, and no alert either."""
VLLM_CELLS = [
    cell.on(VLLM)
    for cell in [
        *_cells("driver", harm.driver, _M.ENGINE_START, _M.FIRST_COMMIT, _M.SECOND_COMMIT),
        *_cells("replica", harm.replica, _M.FIRST_COMMIT, _M.SECOND_COMMIT),
        *_cells("engine-core", harm.engine_core, _M.FIRST_COMMIT),
        *_cells("triggerer", harm.component("airflow-triggerer"), _M.FIRST_COMMIT),
        *_cells("head", harm.head, _M.FIRST_COMMIT),
        *_cells("machine", harm.machine, _M.FIRST_COMMIT, repair=mend.start_again),
        *_cells("outage", harm.store(_OUTAGE), _M.SECOND_COMMIT),
    ]
] + [
    Cell("hanging-schema", harm.nothing, _M.FIRST_COMMIT, workload=VLLM_SCHEMAS),
    Cell("hanging-schema-driver", harm.driver, _M.SECOND_COMMIT, workload=VLLM_SCHEMAS),
]
ECHO_CELLS = [*AIRFLOW, *RAY, *MACHINE, *STORE, *PEOPLE, *PROOF_CELLS, *ALERT_CELLS]

_SHORT_TITLES = (
    "driver@commit",
    "replica@committed",
    "outage@commit",
    "lost-answer@commit",
    "drain@first-commit",
    "machine@mid-work",
)
"""One harm of each kind; the triggerer is killed in the test of the SLA."""

_ONE_NODE = {cell.title: cell for cell in ECHO_CELLS if cell.workload.replicas == 1}
SHORT_CELLS = [_ONE_NODE[title].on(SHORT) for title in _SHORT_TITLES]
