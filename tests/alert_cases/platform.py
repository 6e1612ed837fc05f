"""Alerts about what jobs depend on."""

from __future__ import annotations

from alert_cases.case import Case, Fires, Quiet, Series, s

TASKS = "llmbatch_store_request_duration_seconds"
GATEWAY = "llmbatch_gateway_store_request_duration_seconds"
RAY_JOBS = "llmbatch_job_store_requests"


def requests(ok: str, other: str, metric: str = f"{TASKS}_count", result: str = "error") -> dict[str, str]:
    """Return requests to the store by result, of one of three sources."""
    return {s(metric, job="x", operation="get", result=each): n for each, n in (("ok", ok), (result, other))}


def slow_from_20(metric: str, a_minute: int = 10) -> Series:
    """Return requests that take up to 1 s, and from minute 20 on up to 5 s."""
    one = {"job": "x", "operation": "get", "result": "ok"}
    every = f"0+{a_minute}x80"
    fast = f"0+{a_minute}x19 {19 * a_minute}x60"
    buckets = {s(f"{metric}_bucket", **one, le=le): n for le, n in (("1", fast), ("5", every), ("+Inf", every))}
    return {**buckets, s(f"{metric}_count", **one): every}


ERRORS, SLOW = "LlmbatchStoreErrors", "LlmbatchStoreSlow"
FAIL_FROM_10 = ("0+100x60", "0x9 20+20x60")
STORE: tuple[Case, ...] = (
    *(
        Fires(ERRORS, requests(*FAIL_FROM_10, metric), 11, "16.67% of the requests")
        for metric in (f"{TASKS}_count", f"{GATEWAY}_count", RAY_JOBS)
    ),
    Quiet(ERRORS, "one a minute", requests("0+2x60", "0+1x60")),
    Quiet(ERRORS, "few of many", requests("0+1000x60", "0+50x60")),
    Quiet(ERRORS, "conflicts: an answer", requests("0+100x60", "0+100x60", result="conflict")),
    Fires(SLOW, slow_from_20(TASKS), 20, "up to 4.8s"),
    Fires(SLOW, slow_from_20(GATEWAY), 20, "up to 4.8s"),
    Quiet(SLOW, "few requests", slow_from_20(TASKS, a_minute=5)),
    Quiet(SLOW, "fast", requests("0+10x60", "0x60") | {s(f"{TASKS}_bucket", le=le): "0+10x60" for le in ("1", "+Inf")}),
)

UNDELIVERED, OLD = "LlmbatchAlertUndelivered", "LlmbatchExporterStale"
GATEWAY_DOWN, STATSD_DOWN = "LlmbatchGatewayDown", "LlmbatchStatsdDown"
SKEW, WATCHDOG = "LlmbatchClockSkew", "LlmbatchWatchdog"
GIVEN_UP = s("llmbatch_alert_deliveries_total", sink="webhook.am", result="given_up")
RETRIED = s("llmbatch_alert_deliveries_total", sink="webhook.am", result="retried")
READ = s("llmbatch_exporter_last_success_timestamp_seconds", job="llmbatch", instance="g")
OTHER = {s("up", job="other"): "1x60"}


def up(job: str, values: str, instance: str = "g:1") -> dict[str, str]:
    return {s("up", job=job, instance=instance): values}


PATHS: tuple[Case, ...] = (
    Fires(UNDELIVERED, {GIVEN_UP: "_x25 1x40"}, 25, "1 alerts to webhook.am"),
    Fires(UNDELIVERED, {GIVEN_UP: "2x100 3x60"}, 101, "1 alerts to webhook.am"),
    Quiet(UNDELIVERED, "retried", {RETRIED: "0+1x60"}),
    Quiet(UNDELIVERED, "of the past", {GIVEN_UP: "2x120"}, since=40),
    Fires(OLD, OTHER, 0, "There are no metrics of jobs. No alert"),
    Fires(OLD, {READ: "0+60x20 1200x60"}, 23, "are 5m 0s old. No alert"),
    Quiet(OLD, "for 4 minutes", {READ: "0+60x36 2160x3 2460+60x90"}),
    Fires(GATEWAY_DOWN, OTHER, 0, "(value 1)"),
    Fires(GATEWAY_DOWN, up("llmbatch", "1x9 0x60"), 10, "the gateway g:1 fails"),
    Quiet(GATEWAY_DOWN, "two scrapes", up("llmbatch", "1x9 0x1 1x120")),
    Fires(STATSD_DOWN, OTHER, 0, "(value 1)"),
    Fires(STATSD_DOWN, up("statsd", "1x9 0x60"), 10, "exporter g:1 fails"),
    Quiet(STATSD_DOWN, "a restart", up("statsd", "1x9 0x4 1x120")),
    Fires(SKEW, {s("llmbatch_exporter_clock_skew_seconds"): "1x9 -8x60"}, 10, "differ by 8s"),
    Quiet(SKEW, "5 s", {s("llmbatch_exporter_clock_skew_seconds"): "-5x60"}),
    Fires(WATCHDOG, OTHER, 0, "always fires"),
)

SCHEDULER, TRIGGERER, POOL = "LlmbatchSchedulerSilent", "LlmbatchTriggererSilent", "LlmbatchPoolStarving"
SCANS, BACKUPS = "LlmbatchDropFolderSilent", "LlmbatchBackupMissing"
SCANNED = s("llmbatch_drop_scans_total", result="ok")
BACKED_UP = s("llmbatch_backups_total", result="ok")
STATSD = up("statsd", "1x1800")


def pool(running: str, deferred: str = "0x60", name: str = "llmbatch_ray") -> Series:
    values = {"starving_tasks": "2x60", "running_slots": running, "deferred_slots": deferred}
    return {s(f"airflow_pool_{metric}", pool_name=name): samples for metric, samples in values.items()}


AIRFLOW: tuple[Case, ...] = (
    *(
        case
        for alert, heartbeat in (
            (SCHEDULER, s("airflow_scheduler_heartbeat")),
            (TRIGGERER, s("airflow_triggerer_heartbeat")),
        )
        for case in (
            Fires(alert, OTHER, 0, "sent 0 heartbeats"),
            Fires(alert, {heartbeat: "0+5x20 100x60"}, 25, "sent 0 heartbeats"),
            Quiet(alert, "silent for 6 minutes", {heartbeat: "0+1x34 34x5 35+1x90"}, since=3),
        )
    ),
    Fires(POOL, pool("1x9 0x60"), 10, "2 tasks wait for the pool llmbatch_ray"),
    Quiet(POOL, "others run: that is queueing", pool("4x60")),
    Quiet(POOL, "others are deferred", pool("0x60", deferred="1x60")),
    Quiet(POOL, "a pool of others", pool("0x60", name="default_pool")),
    Quiet(POOL, "no task waits", {**pool("0x60"), s("airflow_pool_starving_tasks", pool_name="llmbatch_ray"): "0x60"}),
    Fires(SCANS, {SCANNED: "0+1x59 59x120"}, 149, "No scan"),
    Fires(SCANS, {SCANNED: "0+1x59 stale"}, 149, "No scan"),
    Quiet(SCANS, "93 minutes", {SCANNED: "0+1x59 59x90 60+1x60"}, since=6, until=200),
    Quiet(SCANS, "the first one an hour ago", {SCANNED: "_x20 1x60"}, until=80),
    Fires(SCANS, {SCANNED: "_x20 1x180"}, 110, "No scan"),
    Quiet(SCANS, "every 30 minutes, one of which failed", {SCANNED: "1x29 2x59 3x29 4x29"}, since=36),
    Quiet(SCANS, "not in use", OTHER),
    Fires(BACKUPS, STATSD, 1560, "No backup has succeeded"),
    Fires(BACKUPS, {**STATSD, BACKED_UP: "1x1800"}, 1560, "No backup has succeeded"),
    Quiet(BACKUPS, "a new deployment", up("statsd", "1x1500"), until=1550),
    Quiet(BACKUPS, "25 hours ago", {**STATSD, BACKED_UP: "1x200 2x1600"}, until=1700),
    Quiet(BACKUPS, "the first, 10 hours ago", {**STATSD, BACKED_UP: "_x1000 1x800"}, until=1700),
)

RAY, DISK = "LlmbatchRayNodeDown", "LlmbatchDiskFull"


def disk(used: str, free: str) -> Series:
    return {s("ray_node_disk_usage", instance="n:1"): used, s("ray_node_disk_free", instance="n:1"): free}


MACHINES: tuple[Case, ...] = (
    Fires(RAY, up("ray", "1x9 0x60", "n1") | up("ray", "1x120", "n2"), 10, "n1 does not answer"),
    Fires(RAY, up("ray", "1x9 0x60", "n1") | up("ray", "1x9 0x60", "n2"), 10, "All nodes of the Ray cluster do not"),
    Quiet(RAY, "two scrapes", up("ray", "1x9 0x1 1x120", "n1") | up("ray", "1x120", "n2")),
    Quiet(RAY, "scaled down", up("ray", "1x9 0 stale", "n1") | up("ray", "1x120", "n2")),
    Fires(DISK, disk("50x9 95x60", "50x9 5x60"), 10, "is 95% full"),
    Quiet(DISK, "90 %", disk("90x60", "10x60")),
)

CASES = (*STORE, *PATHS, *AIRFLOW, *MACHINES)
