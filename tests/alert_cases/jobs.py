"""Alerts about one job."""

from __future__ import annotations

from alert_cases.case import Case, Fires, Quiet, of_job, s

FRESH = {s("llmbatch_exporter_last_success_timestamp_seconds"): "0+60x120"}
DIES_AT_20 = {of_job("heartbeat_timestamp_seconds"): "0+60x20 1200x60"}
PAUSED = {of_job("paused"): "1x120"}
RUNS = {of_job("paused"): "0x120"}
WORKS = {of_job("phase", phase="work"): "1x120"}


def rows(succeeded: str, failed: str) -> dict[str, str]:
    return {of_job("rows", state="succeeded"): succeeded, of_job("rows", state="failed"): failed}


def replicas(live: str) -> dict[str, str]:
    return {of_job("replicas", state="wanted"): "2x120", of_job("replicas", state="live"): live}


def cache(ratio: float, preemptions: str) -> dict[str, str]:
    return {of_job("kv_cache_ratio"): f"{ratio}x60", of_job("preemptions"): preemptions}


RISK, BURN, PASSED = "LlmbatchJobDeadlineAtRisk", "LlmbatchJobBurnRateHigh", "LlmbatchJobDeadlinePassed"
DEADLINE: tuple[Case, ...] = (
    Fires(RISK, {of_job("miss_probability"): "0.3x9 0.7x60"}, 10, "probability of 70%"),
    Quiet(RISK, "even", {of_job("miss_probability"): "0.5x60"}),
    Fires(BURN, {of_job("burn_rate"): "2x120", of_job("deadline_timestamp_seconds"): "24000x120"}, 41, "2 times"),
    Quiet(BURN, "far", {of_job("burn_rate"): "2x120", of_job("deadline_timestamp_seconds"): "97200x120"}),
    Quiet(BURN, "slow", {of_job("burn_rate"): "1.5x120", of_job("deadline_timestamp_seconds"): "9000x120"}),
    Fires(PASSED, {of_job("deadline_timestamp_seconds"): "600x60"}, 11, "is 2m 0s late"),
    Quiet(PASSED, "ends 59 s late", {of_job("deadline_timestamp_seconds"): "600x11 stale"}),
)

STALE, STALLED, UNKNOWN = "LlmbatchJobHeartbeatStale", "LlmbatchJobStalled", "LlmbatchJobEtaUnknown"
LOAD, RESTARTING = "LlmbatchJobModelLoadStuck", "LlmbatchJobRestarting"
PROGRESS: tuple[Case, ...] = (
    Fires(STALE, {**FRESH, **DIES_AT_20, **WORKS, of_job("phase", phase="done"): "0x120"}, 23, "is 4m 0s old"),
    Quiet(
        STALE,
        "the exporter is as old",
        {**DIES_AT_20, s("llmbatch_exporter_last_success_timestamp_seconds"): "0+60x20 1200x60"},
    ),
    Quiet(
        STALE,
        "the Ray job has ended and results are published",
        {
            **FRESH,
            **DIES_AT_20,
            of_job("phase", phase="work"): "1x20 stale",
            of_job("phase", phase="done"): "_x21 1x90",
        },
    ),
    Fires(STALLED, {of_job("eta_state", state="stalled"): "_x10 1x60", of_job("paused"): "0x60"}, 10, "Job a has"),
    Quiet(STALLED, "estimated", {of_job("eta_state", state="stalled"): "0x60"}),
    Quiet(STALLED, "paused", {of_job("eta_state", state="stalled"): "1x60", **PAUSED}),
    Fires(
        UNKNOWN,
        {of_job("eta_state", state="unknown"): "1x60", of_job("phase", phase="work"): "_x10 1x60", **RUNS},
        10,
        "Job a has worked for 15 minutes",
    ),
    Quiet(
        UNKNOWN, "loads", {of_job("eta_state", state="unknown"): "1x60", of_job("phase", phase="model_load"): "1x60"}
    ),
    Quiet(
        UNKNOWN, "between phases", {of_job("eta_state", state="unknown"): "1x60", of_job("phase", phase="work"): "0x60"}
    ),
    Quiet(UNKNOWN, "estimated", {of_job("eta_state", state="unknown"): "0x60", **WORKS}),
    Quiet(UNKNOWN, "paused", {of_job("eta_state", state="unknown"): "1x60", **WORKS, **PAUSED}),
    Fires(LOAD, {of_job("phase", phase="model_load"): "_x5 1x60"}, 5, "loaded its model for 30 minutes"),
    Quiet(LOAD, "loaded", {of_job("phase", phase="model_load"): "0x60"}),
    Quiet(LOAD, "29 minutes", {of_job("phase", phase="model_load"): "1x29 stale"}),
    Fires(RESTARTING, {of_job("generation"): "1x9 2x9 3x9 4x30"}, 30, "3 generations"),
    Quiet(RESTARTING, "twice", {of_job("generation"): "1x9 2x9 3x60"}),
)

MISSING, FLAPPING = "LlmbatchJobReplicasMissing", "LlmbatchJobReplicasFlapping"
REDONE, CACHE = "LlmbatchJobWorkRedone", "LlmbatchKvCacheThrashing"
REPLICAS: tuple[Case, ...] = (
    Fires(MISSING, {**replicas("2x9 1x60"), **RUNS}, 10, "lacks 1 replicas"),
    Quiet(MISSING, "14 minutes", replicas("2x9 1x14 2x60")),
    Quiet(MISSING, "paused", {**replicas("0x60"), **PAUSED}),
    Fires(FLAPPING, {of_job("replicas_lost"): "0x9 1x9 2x9 3x30"}, 30, "lost 3 replicas"),
    Quiet(FLAPPING, "two, after a generation that lost five", {of_job("replicas_lost"): "5x60 0x9 1x9 2x40"}),
    Fires(REDONE, {**rows("1000x60", "0x60"), of_job("rows_redone"): "0x9 200x60"}, 10, "20% of its rows"),
    Quiet(REDONE, "a small job", {**rows("100x60", "0x60"), of_job("rows_redone"): "100x60"}),
    Quiet(REDONE, "a small part", {**rows("10000x60", "0x60"), of_job("rows_redone"): "900x60"}),
    Fires(CACHE, cache(0.98, "0x9 25+25x60"), 11, "is 98% full"),
    Quiet(CACHE, "full and no preemption: normal in a batch", cache(0.98, "400x60")),
    Quiet(CACHE, "preemptions of the past, at another peak", cache(0.95, "0+25x60")),
)

FAILED, LATENCY = "LlmbatchJobFailedRowsHigh", "LlmbatchLatencyHigh"
ROWS: tuple[Case, ...] = (
    Fires(FAILED, rows("900x60", "30x9 100x60"), 10, "10% of the rows of job a"),
    Quiet(FAILED, "2 of 8 rows", rows("6x60", "2x60")),
    Quiet(FAILED, "as many as the target", rows("950x60", "50x60")),
    Fires(LATENCY, {of_job("row_latency_p95_seconds"): "3x9 7x60"}, 10, "within 7s (target: 5 s)"),
    Quiet(LATENCY, "as long as the target", {of_job("row_latency_p95_seconds"): "5x60"}),
)

CASES = (*DEADLINE, *PROGRESS, *REPLICAS, *ROWS)
