"""Prometheus: scrapes this stack and evaluates the shipped rules, on the loopback interface.

The shipped configuration names its targets and its key by files beside it, so a copy of it gets those of this stack.
"""

import json
import shutil

from llmbatch_stack.components import airflow, ray_head
from llmbatch_stack.components.gateway_key import GatewayKey
from llmbatch_stack.credentials import Credentials
from llmbatch_stack.environment import plain
from llmbatch_stack.install import tools
from llmbatch_stack.process.component import Component, StepError, Steps
from llmbatch_stack.settings import HOST, Settings
from llmbatch_stack.wire import call

NAME = "prometheus"
PROGRAM = "prometheus"
_TARGETS = {
    "llmbatch": "airflow_api",
    "statsd": "statsd_http",
    "prometheus": "prometheus",
    "alertmanager": "alertmanager",
}
"""Scrape job and the port where it reads."""


def component(settings: Settings, credentials: Credentials) -> Component:
    """Describe the Prometheus of this stack."""
    home, shipped = settings.state / "monitoring", settings.monitoring / "prometheus"
    copy, data = home / "prometheus", home / "prometheus-data"
    key = GatewayKey(settings, credentials, copy / "secrets" / "gateway-key")

    def prepare(_: Steps) -> None:
        if not (shipped / "prometheus.yml").exists():
            raise StepError(f"{shipped / 'prometheus.yml'} does not exist; run `make monitoring`")
        home.mkdir(mode=0o700, exist_ok=True)
        shutil.copytree(shipped, copy, dirs_exist_ok=True)
        for name in ("targets", "secrets"):
            (copy / name).mkdir(exist_ok=True)
        for job, port in _TARGETS.items():
            targets = [{"targets": [f"{HOST}:{settings.port(port)}"]}]
            (copy / "targets" / f"{job}.yml").write_text(json.dumps(targets))  # JSON is YAML
        listed = copy / "targets" / "ray.json"
        listed.unlink(missing_ok=True)
        listed.symlink_to(ray_head.metrics_targets(settings))
        key.ensure()

    def check(_: float) -> str | None:
        reply = call(f"{settings.prometheus_url}/-/ready")
        if reply.status == 200:
            return None
        return f"Prometheus at {settings.prometheus_url} answers {reply.status} {reply.text[:120]}"

    options = {
        "config.file": copy / "prometheus.yml",
        "storage.tsdb.path": data,
        "storage.tsdb.retention.time": "15d",
        "storage.tsdb.retention.size": "1GB",
        "web.listen-address": f"{HOST}:{settings.port('prometheus')}",
        "web.external-url": settings.prometheus_url,
    }
    return Component(
        name=NAME,
        command=(
            str(tools.find(settings, PROGRAM) or PROGRAM),
            *(f"--{option}={value}" for option, value in options.items()),
        ),
        environment=plain(),
        check=check,
        ports=("prometheus",),
        needs=(airflow.API_SERVER, ray_head.NAME),
        prepare=prepare,
    )
