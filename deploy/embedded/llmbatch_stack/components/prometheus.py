"""Prometheus: scrapes this stack and evaluates the shipped rules, on the loopback interface."""

from collections.abc import Mapping
from pathlib import Path

from llmbatch_stack.components import airflow
from llmbatch_stack.components.gateway_key import GatewayKey
from llmbatch_stack.components.local_scrapes import Addresses, localised
from llmbatch_stack.credentials import Credentials, write_private
from llmbatch_stack.environment import plain
from llmbatch_stack.install import tools
from llmbatch_stack.process.component import Component, StepError, Steps
from llmbatch_stack.settings import HOST, Settings
from llmbatch_stack.wire import call

NAME = "prometheus"
PROGRAM = "prometheus"


def component(settings: Settings, credentials: Credentials) -> Component:
    """Describe the Prometheus of this stack."""
    home = settings.state / "monitoring"
    shipped, config = settings.monitoring / "prometheus" / "prometheus.yml", home / "prometheus.yml"
    key = GatewayKey(settings, credentials, home / "gateway-key")

    def prepare(_: Steps) -> None:
        home.mkdir(mode=0o700, exist_ok=True)
        key.ensure()
        addresses = Addresses(
            gateway=f"{HOST}:{settings.port('airflow_api')}",
            gateway_path=settings.gateway_url.removeprefix(settings.airflow_url) + "/metrics",
            gateway_key=key.path,
            statsd=f"{HOST}:{settings.port('statsd_http')}",
            ray_targets=settings.ray_folder / "ray" / "prom_metrics_service_discovery.json",
            prometheus=f"{HOST}:{settings.port('prometheus')}",
            alertmanager=f"{HOST}:{settings.port('alertmanager')}",
        )
        write_private(config, _dump(localised(_read(shipped), shipped.parent, addresses)))

    def check(_: float) -> str | None:
        reply = call(f"{settings.prometheus_url}/-/ready")
        if reply.status == 200:
            return None
        return f"Prometheus at {settings.prometheus_url} answers {reply.status} {reply.text[:120]}"

    options = {
        "config.file": config,
        "storage.tsdb.path": home / "prometheus",
        "storage.tsdb.retention.time": "15d",
        "storage.tsdb.retention.size": "1GB",
        "web.listen-address": f"{HOST}:{settings.port('prometheus')}",
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
        needs=(airflow.API_SERVER,),
        prepare=prepare,
    )


def _read(shipped: Path) -> Mapping[str, object]:
    import yaml

    try:
        found = yaml.safe_load(shipped.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StepError(f"{shipped} does not exist; run `make monitoring`") from None
    if not isinstance(found, dict):
        raise StepError(f"{shipped} holds {type(found).__name__} instead of a mapping; run `make monitoring`")
    return found


def _dump(config: Mapping[str, object]) -> str:
    import yaml

    return str(yaml.safe_dump(dict(config), sort_keys=False))
