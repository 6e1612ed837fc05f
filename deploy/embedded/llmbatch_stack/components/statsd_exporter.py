"""The StatsD exporter: counts the events of Airflow's tasks for Prometheus, on the loopback interface."""

from llmbatch_stack.environment import plain
from llmbatch_stack.process.component import Component
from llmbatch_stack.settings import HOST, Settings
from llmbatch_stack.wire import call

NAME = "statsd-exporter"


def component(settings: Settings) -> Component:
    """Describe the exporter of this stack: the substitute of the official one, with the shipped mapping."""
    url = f"http://{HOST}:{settings.port('statsd_http')}/-/ready"

    def check(_: float) -> str | None:
        reply = call(url)
        return None if reply.status == 200 else f"{url} answers {reply.status} {reply.text[:120]}"

    options = {
        "mapping": settings.repo / "config" / "statsd" / "mapping.yml",
        "udp-port": settings.port("statsd_udp"),
        "http-port": settings.port("statsd_http"),
    }
    return Component(
        name=NAME,
        command=(
            settings.python("airflow"),
            "-m",
            "llmbatch_stack.statsd_bridge",
            *(f"--{option}={value}" for option, value in options.items()),
        ),
        environment={**plain(), "PYTHONPATH": str(settings.repo / "deploy" / "embedded")},
        check=check,
        ports=("statsd_http",),
    )
