"""Alertmanager: groups, silences and sends what Prometheus reports, on the loopback interface."""

from llmbatch_stack.environment import plain
from llmbatch_stack.install import tools
from llmbatch_stack.process.component import Component, StepError, Steps
from llmbatch_stack.settings import HOST, Settings
from llmbatch_stack.wire import call

NAME = "alertmanager"
PROGRAM = "prometheus-alertmanager"


def component(settings: Settings) -> Component:
    """Describe the Alertmanager of this stack. Its configuration holds no address of the stack and is used as it is."""
    home = settings.state / "monitoring"
    config = settings.monitoring / "alertmanager" / "alertmanager.yml"

    def prepare(_: Steps) -> None:
        home.mkdir(mode=0o700, exist_ok=True)
        if not config.exists():
            raise StepError(f"{config} does not exist; run `make monitoring`")

    def check(_: float) -> str | None:
        reply = call(f"{settings.alertmanager_url}/-/ready")
        if reply.status == 200:
            return None
        return f"Alertmanager at {settings.alertmanager_url} answers {reply.status} {reply.text[:120]}"

    options = {
        "config.file": config,
        "storage.path": home / "alertmanager",
        "web.listen-address": f"{HOST}:{settings.port('alertmanager')}",
        "web.external-url": settings.alertmanager_url,
        "cluster.listen-address": "",  # one server: it needs no port for others
    }
    return Component(
        name=NAME,
        command=(
            str(tools.find(settings, PROGRAM) or PROGRAM),
            *(f"--{option}={value}" for option, value in options.items()),
        ),
        environment=plain(),
        check=check,
        ports=("alertmanager",),
        prepare=prepare,
    )
