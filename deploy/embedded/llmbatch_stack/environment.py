"""The environment of each room: what a component, a test or the demo has to run with.

None of these carries the stack's process marker: the supervisor adds it to what it starts, so that a shell that took
over these variables is never mistaken for a part of the stack.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from llmbatch.core.access import Side
from llmbatch_stack.credentials import Credentials, S3Key
from llmbatch_stack.settings import HOST, REGION, Settings

_FOREIGN_PREFIXES = ("AIRFLOW", "AWS_", "RAY_", "PG", "LLMBATCH_STACK")
_FOREIGN = {"PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "_AIRFLOW__AS_LIBRARY"}


class UnknownRoomError(ValueError):
    """The room does not exist."""


def environment(room: str, settings: Settings, credentials: Credentials) -> dict[str, str]:
    """Return the whole environment of `airflow`, `ray` or `plain` (servers that are neither).

    Raises:
        UnknownRoomError: `room` is none of the three.
    """
    if room == "airflow":
        return plain() | airflow_variables(settings, credentials)
    if room == "ray":
        return plain() | ray_variables(settings, credentials)
    if room == "plain":
        return plain()
    raise UnknownRoomError(f"unknown room {room!r}; choose airflow, ray or plain")


def plain() -> dict[str, str]:
    """Return the caller's environment without what would leak another Airflow, Ray, AWS account or Python into ours."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _FOREIGN and not name.startswith(_FOREIGN_PREFIXES)
    }
    no_proxy = ",".join(filter(None, [kept.get("NO_PROXY") or kept.get("no_proxy"), HOST, "localhost"]))
    # SPT_NOENV: process titles must not overwrite /proc/<pid>/environ, where `down` looks for the marker
    return kept | {"NO_PROXY": no_proxy, "no_proxy": no_proxy, "SPT_NOENV": "1", "PYTHONUNBUFFERED": "1"}


def ray_variables(settings: Settings, credentials: Credentials) -> dict[str, str]:
    """Return the variables of the Ray head, which jobs, actors and engines inherit."""
    patches = settings.repo / "deploy" / "embedded" / "llmbatch_stack" / "components" / "ray_patches"
    return {
        "PATH": _path(settings, "ray"),
        "PYTHONPATH": os.pathsep.join([str(settings.repo / "include"), str(patches)]),
        "LLMBATCH_CONFIG": str(settings.config),
        "LLMBATCH_MODEL_CACHE": str(settings.models),
        "HF_HOME": str(settings.state / "cache" / "huggingface"),
        "VLLM_CACHE_ROOT": str(settings.state / "cache" / "vllm"),
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": credentials.ray_token,
        "RAY_TMPDIR": str(settings.ray_folder),
        "RAY_USAGE_STATS_ENABLED": "0",
        # Ray runs workers at niceness 15; an engine on shared cores would wait for every web server and scheduler
        "RAY_worker_niceness": "0",
        # every process of Ray keeps its own books; ten times less often is often enough here
        "RAY_task_events_report_interval_ms": "10000",
        "RAY_metrics_report_interval_ms": "30000",
        "RAY_event_stats": "0",
        # timers of Ray's servers, each of which takes a core from an engine when it fires; by default 5 to 10 a second
        "RAY_raylet_report_resources_period_milliseconds": "1000",
        "RAY_memory_monitor_refresh_ms": "1000",
        "RAY_object_manager_timer_freq_ms": "1000",
        "RAY_kill_idle_workers_interval_ms": "2000",
        # timers of the dashboard and its agent; by default up to 10 a second
        "EVENT_AGENT_REPORT_INTERVAL_SECONDS": "10",
        "RAY_DASHBOARD_AGGREGATOR_AGENT_CHECK_MAIN_THREAD_LIVENESS_INTERVAL_SECONDS": "10",
        "SCAN_EVENT_DIR_INTERVAL_SECONDS": "30",
        "REPORTER_UPDATE_INTERVAL_MS": "15000",
        "METRICS_RECORD_INTERVAL_S": "30",
        "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
        "TQDM_DISABLE": "1",
        "AUTOSCALER_METRIC_PORT": str(settings.port("ray_autoscaler_metrics")),
        "DASHBOARD_METRIC_PORT": str(settings.port("ray_dashboard_metrics")),
        **s3_variables(settings, credentials.s3_key_of(Side.RAY)),
    }


def s3_variables(settings: Settings, key: S3Key) -> dict[str, str]:
    """Return the AWS_* variables that boto3 and pyarrow read."""
    return {
        "AWS_ACCESS_KEY_ID": key.access,
        "AWS_SECRET_ACCESS_KEY": key.secret,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": settings.s3_url,
        "AWS_ENDPOINT_URL_S3": settings.s3_url,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def airflow_variables(settings: Settings, credentials: Credentials) -> dict[str, str]:
    """Return the variables of every Airflow process and of the `airflow` command line."""
    sections: Mapping[str, Mapping[str, object]] = {
        "CORE": {
            "EXECUTOR": "LocalExecutor",
            "PARALLELISM": settings.airflow_parallelism,
            "DAGS_FOLDER": settings.repo / "dags",
            "PLUGINS_FOLDER": settings.repo / "plugins",
            "LOAD_EXAMPLES": False,
            "DAGS_ARE_PAUSED_AT_CREATION": False,
            "FERNET_KEY": credentials.fernet_key,
            "EXECUTION_API_SERVER_URL": f"{settings.airflow_url}/execution/",
            "AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
            "SIMPLE_AUTH_MANAGER_USERS": f"{credentials.airflow_user}:admin",
            "SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": settings.airflow_home / "passwords.json",
        },
        "DATABASE": {"SQL_ALCHEMY_CONN": database_url(settings)},
        "API": {
            "HOST": HOST,
            "PORT": settings.port("airflow_api"),
            "BASE_URL": settings.airflow_url,
            "WORKERS": 1,
            "SECRET_KEY": credentials.api_secret_key,
        },
        "API_AUTH": {"JWT_SECRET": credentials.jwt_secret},
        "LOGGING": {"BASE_LOG_FOLDER": settings.logs / "tasks"},
        "SCHEDULER": {
            "SCHEDULER_HEARTBEAT_SEC": 5,
            "SCHEDULER_IDLE_SLEEP_TIME": settings.scheduler_idle_s,
            "ENABLE_HEALTH_CHECK": False,
            # a task whose worker or scheduler was killed is seen after these, not after Airflow's five minutes
            "TASK_INSTANCE_HEARTBEAT_TIMEOUT": 60,
            "ORPHANED_TASKS_CHECK_INTERVAL": 15,
        },
        # then its triggers are taken over; Airflow writes heartbeats a beat of 5 s late: a live one looks 5 to 10 s old
        "TRIGGERER": {"TRIGGERER_HEALTH_CHECK_THRESHOLD": 15},
        "DAG_PROCESSOR": {
            "REFRESH_INTERVAL": 15,
            "BUNDLE_REFRESH_CHECK_INTERVAL": 15,
            # a changed file is parsed at once, an unchanged one hourly: each parse imports Airflow anew
            "FILE_PARSING_SORT_MODE": "modified_time",
            "MIN_FILE_PROCESS_INTERVAL": 3600,
            "DAG_BUNDLE_CONFIG_LIST": json.dumps([_local_bundle("dags-folder"), _local_bundle("user", settings.dags)]),
        },
        # over UDP, so nothing waits for a listener; `make monitor` starts one
        "METRICS": {
            "STATSD_ON": True,
            "STATSD_HOST": HOST,
            "STATSD_PORT": settings.port("statsd_udp"),
            "STATSD_PREFIX": "airflow",
            "STATSD_INFLUXDB_ENABLED": True,
            "LEGACY_NAMES_ON": False,
        },
    }
    return {
        **{f"AIRFLOW__{name}__{key}": str(value) for name, keys in sections.items() for key, value in keys.items()},
        "AIRFLOW_HOME": str(settings.airflow_home),
        "AIRFLOW_CONN_LLMBATCH_S3": _s3_connection(settings, credentials),
        "AIRFLOW_CONN_LLMBATCH_RAY": _ray_connection(settings, credentials),
        "LLMBATCH_CONFIG": str(settings.config),
        "PATH": _path(settings, "airflow"),
        "PYTHONPATH": str(settings.repo / "include"),
    }


def _local_bundle(name: str, folder: Path | None = None) -> dict[str, object]:
    """Describe a folder of DAG files to Airflow; without `folder` it is `DAGS_FOLDER`."""
    classpath = "airflow.dag_processing.bundles.local.LocalDagBundle"
    return {"name": name, "classpath": classpath, "kwargs": {} if folder is None else {"path": str(folder)}}


def database_url(settings: Settings) -> str:
    """Return SQLAlchemy's address of Airflow's database, through the unix socket."""
    return f"postgresql+psycopg2://postgres:@/postgres?host={settings.runtime / 'postgres'}"


def _s3_connection(settings: Settings, credentials: Credentials) -> str:
    key = credentials.s3_key_of(Side.AIRFLOW)
    return json.dumps(
        {
            "conn_type": "aws",
            "login": key.access,
            "password": key.secret,
            "extra": {"endpoint_url": settings.s3_url, "region_name": REGION},
        }
    )


def _ray_connection(settings: Settings, credentials: Credentials) -> str:
    return json.dumps(
        {
            "conn_type": "ray",
            "host": f"http://{HOST}",
            "port": settings.port("ray_api"),
            "password": credentials.ray_token,
        }
    )


def _path(settings: Settings, room: str) -> str:
    return os.pathsep.join([str(settings.venv(room) / "bin"), os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin")])
