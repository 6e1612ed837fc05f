"""Ray: one head node with its Job Submission API, on the loopback interface, behind a token."""

import shutil
from pathlib import Path

from llmbatch_stack.credentials import Credentials
from llmbatch_stack.environment import environment
from llmbatch_stack.process.component import Component, Steps
from llmbatch_stack.settings import HOST, RAY_WORKER_OFFSETS, Settings
from llmbatch_stack.wire import call

NAME = "ray"
# only shard descriptors and counters pass through the object store
_OBJECT_STORE_BYTES = 512 * 1024 * 1024


def metrics_targets(settings: Settings) -> Path:
    """Return the file in which Ray lists the endpoints of its metrics, those of other nodes included."""
    return settings.ray_folder / "ray" / "prom_metrics_service_discovery.json"


def component(settings: Settings, credentials: Credentials) -> Component:
    """Describe the Ray head of this stack."""

    def prepare(_: Steps) -> None:
        shutil.rmtree(settings.ray_folder, ignore_errors=True)
        settings.ray_folder.mkdir(mode=0o700)

    def check(_: float) -> str | None:
        reply = call(f"{settings.ray_url}/api/version", token=credentials.ray_token)
        if reply.status != 200:
            return f"Ray's API at {settings.ray_url} answers {reply.status} {reply.text[:120]}"
        agent = f"http://{HOST}:{settings.port('ray_agent')}/api/local_raylet_healthz"
        node = call(agent, token=credentials.ray_token)
        return None if node.status == 200 else f"Ray's node agent answers {node.status} {node.text[:120]}"

    low, high = RAY_WORKER_OFFSETS
    options = {
        "node-ip-address": HOST,
        "port": settings.port("ray_gcs"),
        "dashboard-host": HOST,
        "dashboard-port": settings.port("ray_api"),
        "ray-client-server-port": settings.port("ray_client"),
        "node-manager-port": settings.port("ray_node_manager"),
        "object-manager-port": settings.port("ray_object_manager"),
        "dashboard-agent-listen-port": settings.port("ray_agent"),
        "dashboard-agent-grpc-port": settings.port("ray_agent_grpc"),
        "runtime-env-agent-port": settings.port("ray_runtime_env"),
        "metrics-export-port": settings.port("ray_metrics"),
        "min-worker-port": settings.port_base + low,
        "max-worker-port": settings.port_base + high,
        "num-cpus": settings.ray_cpus,
        "object-store-memory": _OBJECT_STORE_BYTES,
        "include-log-monitor": "false",
        "log-color": "false",
    }
    return Component(
        name=NAME,
        command=(
            settings.python("ray"),
            "-c",
            "from ray.scripts.scripts import main; main()",
            "start",
            "--head",
            "--block",
            "--disable-usage-stats",
            *(f"--{option}={value}" for option, value in options.items()),
        ),
        environment=environment("ray", settings, credentials),
        check=check,
        ports=(
            "ray_gcs",
            "ray_api",
            "ray_client",
            "ray_node_manager",
            "ray_object_manager",
            "ray_agent",
            "ray_agent_grpc",
            "ray_runtime_env",
            "ray_metrics",
            "ray_autoscaler_metrics",
            "ray_dashboard_metrics",
        ),
        prepare=prepare,
        niceness=0,  # its workers inherit it, and some of them are engines
    )
