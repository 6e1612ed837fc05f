"""Paths and ports of one embedded stack: the only place that states them.

Every port is `LLMBATCH_PORT_BASE` plus a fixed offset and every file is stored under `LLMBATCH_STATE`, so a second
checkout runs beside the first with two variables changed. Example: base 21000 puts Airflow on 21000 and Ray's API on
21031. `LLMBATCH_CONFIG` names another config.yaml for both rooms. `LLMBATCH_S3_URL` is the address of the object store
for Airflow and Ray, if not at the stack's own SeaweedFS: for example at a proxy before it. `LLMBATCH_MONITORING` names
another folder than `config` of what `make monitoring` renders.
"""

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

BUCKET = "llmbatch"
REGION = "us-east-1"
POOL = "llmbatch_ray"
HOST = "127.0.0.1"
FIRST_OUTGOING_PORT = 32768
"""From here on Linux picks ports for outgoing connections, which may then sit on a port of a stack with a high base."""

DEFAULT_PORT_BASE = 21000

PORT_OFFSETS: Mapping[str, int] = {
    "airflow_api": 0,
    "s3": 10,
    "s3_grpc": 11,
    "seaweed_master": 12,
    "seaweed_master_grpc": 13,
    "seaweed_volume": 14,
    "seaweed_volume_grpc": 15,
    "seaweed_filer": 16,
    "seaweed_filer_grpc": 17,
    "ray_gcs": 30,
    "ray_api": 31,
    "ray_client": 32,
    "ray_node_manager": 33,
    "ray_object_manager": 34,
    "ray_agent": 35,
    "ray_agent_grpc": 36,
    "ray_runtime_env": 37,
    "ray_metrics": 38,
    "ray_autoscaler_metrics": 39,
    "ray_dashboard_metrics": 40,
    "statsd_udp": 54,
    "statsd_http": 55,
    "prometheus": 56,
    "alertmanager": 57,
}
RAY_WORKER_OFFSETS = (100, 299)
_HIGHEST_OFFSET = max(*PORT_OFFSETS.values(), *RAY_WORKER_OFFSETS)


class SettingsError(ValueError):
    """A variable of the environment holds a value that cannot work."""


@dataclass(frozen=True)
class Settings:
    """Where one stack lives. Build it with `load`; nothing is read or created here."""

    repo: Path
    state: Path
    config: Path
    monitoring: Path
    """Folder of the configuration of Prometheus and Alertmanager."""
    s3_url: str
    """Endpoint that Airflow, Ray and everybody else uses for the object store."""
    port_base: int
    ray_cpus: int
    airflow_parallelism: int
    scheduler_idle_s: float
    """Seconds between two looks of an idle scheduler into its database: half of them delay each task of a job."""
    start_timeout_s: float

    def port(self, name: str) -> int:
        """Return the port called `name` in `PORT_OFFSETS`."""
        return self.port_base + PORT_OFFSETS[name]

    @property
    def other_base(self) -> int:
        """Return a base for a stack beside this one, such that no outgoing connection gets one of its ports."""
        higher = self.port_base + 1000
        return higher if higher + _HIGHEST_OFFSET < FIRST_OUTGOING_PORT else DEFAULT_PORT_BASE - 1000

    @property
    def runtime(self) -> Path:
        """Folder for unix sockets: short, because the kernel stops at 107 characters."""
        return Path("/tmp") / f"llmbatch-{hashlib.sha256(str(self.state).encode()).hexdigest()[:8]}"  # nosec B108 # owned

    @property
    def ray_folder(self) -> Path:
        """Private folder around Ray's own, which Ray opens to all users."""
        return self.runtime / "ray"

    @property
    def logs(self) -> Path:
        """Folder with one log per component."""
        return self.state / "logs"

    @property
    def run(self) -> Path:
        """Folder with one process record per component."""
        return self.state / "run"

    @property
    def models(self) -> Path:
        """Folder of converted models."""
        return self.state / "models"

    @property
    def airflow_home(self) -> Path:
        """AIRFLOW_HOME."""
        return self.state / "airflow"

    @property
    def dags(self) -> Path:
        """Folder for DAG files of the user, which Airflow reads beside those of the repository."""
        return self.state / "dags"

    @property
    def tools(self) -> Path:
        """Folder of programs that no Python package brings."""
        return self.repo / ".llmbatch" / "tools"

    def venv(self, room: str) -> Path:
        """Return the virtual environment of `airflow` or `ray`."""
        return self.repo / ".llmbatch" / "venvs" / room

    def python(self, room: str) -> str:
        """Return the interpreter of `airflow` or `ray`."""
        return str(self.venv(room) / "bin" / "python")

    @property
    def airflow_url(self) -> str:
        """Address of Airflow's UI and API."""
        return f"http://{HOST}:{self.port('airflow_api')}"

    @property
    def gateway_url(self) -> str:
        """Address of the gateway, which is mounted in Airflow's api-server."""
        return f"{self.airflow_url}/llmbatch"

    @property
    def s3_server_url(self) -> str:
        """Endpoint of the stack's own SeaweedFS; the same as `s3_url` unless that is set to another."""
        return _s3_server_url(self.port_base)

    @property
    def ray_url(self) -> str:
        """Address of Ray's dashboard and Job Submission API."""
        return f"http://{HOST}:{self.port('ray_api')}"

    @property
    def prometheus_url(self) -> str:
        """Address of Prometheus, once `make monitor` has started it."""
        return f"http://{HOST}:{self.port('prometheus')}"

    @property
    def alertmanager_url(self) -> str:
        """Address of Alertmanager, once `make monitor` has started it."""
        return f"http://{HOST}:{self.port('alertmanager')}"


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `environ` (the process environment when not given).

    Raises:
        SettingsError: a number is not a number or out of its range; the message names the variable.
    """
    env = os.environ if environ is None else environ
    repo = Path(__file__).resolve().parents[3]
    state = Path(env.get("LLMBATCH_STATE") or repo / ".llmbatch").expanduser().absolute()
    cores = len(os.sched_getaffinity(0))
    port_base = _integer(env, "LLMBATCH_PORT_BASE", DEFAULT_PORT_BASE, 1024, 65535 - _HIGHEST_OFFSET)
    return Settings(
        repo=repo,
        state=state,
        config=Path(env.get("LLMBATCH_CONFIG") or repo / "config" / "config.yaml").expanduser().absolute(),
        monitoring=Path(env.get("LLMBATCH_MONITORING") or repo / "config").expanduser().absolute(),
        s3_url=env.get("LLMBATCH_S3_URL") or _s3_server_url(port_base),
        port_base=port_base,
        ray_cpus=_integer(env, "LLMBATCH_RAY_CPUS", max(2, cores), 1, 4096),
        airflow_parallelism=_integer(env, "LLMBATCH_AIRFLOW_PARALLELISM", 4, 1, 512),
        scheduler_idle_s=_seconds(env, "LLMBATCH_SCHEDULER_IDLE", 2.0, 0.1, 60.0),
        start_timeout_s=float(_integer(env, "LLMBATCH_START_TIMEOUT", 300, 5, 86400)),
    )


def _s3_server_url(port_base: int) -> str:
    return f"http://{HOST}:{port_base + PORT_OFFSETS['s3']}"


def _integer(env: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = env.get(name, "").strip()
    if not text:
        return default
    if not text.isdigit() or not low <= int(text) <= high:
        raise SettingsError(f"{name}={text!r} is not a whole number from {low} to {high}; correct or unset it")
    return int(text)


def _seconds(env: Mapping[str, str], name: str, default: float, low: float, high: float) -> float:
    text = env.get(name, "").strip()
    if not text:
        return default
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) or not low <= float(text) <= high:
        raise SettingsError(f"{name}={text!r} is not a number of seconds from {low:g} to {high:g}; correct or unset it")
    return float(text)
