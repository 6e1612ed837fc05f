"""Which alert silences which: one cause is one page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from monitoring.inputs import Exporter, exporters
from monitoring.rule import Rule

_JOB = ("job_id",)
_CAUSES = frozenset({"LlmbatchExporterStale", "LlmbatchGatewayDown", "LlmbatchStatsdDown", "LlmbatchWatchdog"})
_AT_RISK = ("LlmbatchJobDeadlineAtRisk", "LlmbatchJobBurnRateHigh")
_OF_STATE = (
    "LlmbatchJobStalled LlmbatchJobEtaUnknown LlmbatchJobModelLoadStuck LlmbatchJobReplicasMissing "
    "LlmbatchJobReplicasFlapping LlmbatchJobRestarting LlmbatchJobWorkRedone LlmbatchKvCacheThrashing"
).split()
_OF_A_NODE = (
    "LlmbatchJobReplicasMissing LlmbatchJobReplicasFlapping LlmbatchJobWorkRedone LlmbatchThroughputDropped".split()
)
_OF_THE_CLUSTER = (
    *_OF_STATE,
    *"LlmbatchJobHeartbeatStale LlmbatchThroughputLow LlmbatchTokensLow LlmbatchThroughputDropped".split(),
    *"LlmbatchLatencyHigh LlmbatchGpuIdle LlmbatchQueueStuck LlmbatchJobsFailing LlmbatchDeadLettersEngine".split(),
)
_OF_THE_SCHEDULER = (
    "LlmbatchTriggererSilent LlmbatchPoolStarving LlmbatchDropFolderSilent LlmbatchBackupMissing LlmbatchQueueStuck"
).split()


@dataclass(frozen=True)
class Inhibition:
    """While an alert fires, others with the same values of some labels send nothing."""

    source: str
    targets: tuple[str, ...]
    equal: tuple[str, ...] = ()
    where: Mapping[str, str] | None = None
    """Labels that the source must have, as regular expressions."""

    def rendered(self) -> dict[str, object]:
        """Return an entry of ``inhibit_rules``."""
        where = [f'{label}=~"{pattern}"' for label, pattern in (self.where or {}).items()]
        return {
            "source_matchers": [f'alertname="{self.source}"', *where],
            "target_matchers": [f'alertname=~"{"|".join(sorted(self.targets))}"'],
            **({"equal": list(self.equal)} if self.equal else {}),
        }


def inhibitions(rules: Sequence[Rule]) -> tuple[Inhibition, ...]:
    """Return all of them.

    Alerts that read nothing but the metrics of one server are silenced while that server is down. The product's own
    alert ``LlmbatchSla`` comes first: the rules about deadlines are for the time when its sensor is dead.
    """
    of_gateway = _blind_without(Exporter.GATEWAY, rules)
    return (
        Inhibition("LlmbatchGatewayDown", ("LlmbatchExporterStale", *of_gateway)),
        Inhibition("LlmbatchExporterStale", of_gateway),
        Inhibition("LlmbatchStatsdDown", _blind_without(Exporter.STATSD, rules)),
        Inhibition("LlmbatchStoreErrors", ("LlmbatchExporterStale", "LlmbatchJobHeartbeatStale", "LlmbatchStoreSlow")),
        Inhibition("LlmbatchSchedulerSilent", tuple(_OF_THE_SCHEDULER)),
        Inhibition("LlmbatchRayNodeDown", _OF_THE_CLUSTER, where={"cluster": "down"}),
        Inhibition("LlmbatchRayNodeDown", tuple(_OF_A_NODE), where={"cluster": "degraded"}),
        Inhibition("LlmbatchJobHeartbeatStale", tuple(_OF_STATE), _JOB),
        Inhibition("LlmbatchJobStalled", ("LlmbatchJobBurnRateHigh", "LlmbatchJobDeadlineAtRisk"), _JOB),
        Inhibition("LlmbatchJobModelLoadStuck", ("LlmbatchJobReplicasMissing",), _JOB),
        Inhibition("LlmbatchJobDeadlinePassed", _AT_RISK, _JOB),
        Inhibition("LlmbatchJobBurnRateHigh", ("LlmbatchJobDeadlineAtRisk",), _JOB),
        Inhibition("LlmbatchSla", ("LlmbatchJobDeadlinePassed", *_AT_RISK), _JOB, {"level": "critical"}),
        Inhibition("LlmbatchSla", _AT_RISK, _JOB, {"level": "red"}),
    )


def _blind_without(exporter: Exporter, rules: Iterable[Rule]) -> tuple[str, ...]:
    return tuple(rule.alert for rule in rules if exporters(rule.expr) == {exporter} and rule.alert not in _CAUSES)
