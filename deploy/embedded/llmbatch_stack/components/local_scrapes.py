"""The shipped configuration of Prometheus with the addresses of one machine; nothing else of it is changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from llmbatch_stack.process.component import StepError

Section = Mapping[str, object]

_ADDRESSED = ("static_configs", "authorization", "basic_auth", "scheme", "tls_config", "metrics_path")
"""What says where a server is and how it is entered; so do all ``<x>_sd_configs``."""


@dataclass(frozen=True)
class Addresses:
    """Where everything is that is scraped: ``host:port``."""

    gateway: str
    gateway_path: str
    gateway_key: Path
    """File with the API key."""
    statsd: str
    ray_targets: Path
    """File in which Ray lists its endpoints."""
    prometheus: str
    alertmanager: str

    def by_job(self) -> Mapping[str, Section]:
        """Return what each scrape job says about addresses."""
        bearer = {"type": "Bearer", "credentials_file": str(self.gateway_key)}
        return {
            "llmbatch": {**_static(self.gateway), "metrics_path": self.gateway_path, "authorization": bearer},
            "statsd": _static(self.statsd),
            "ray": {"file_sd_configs": [{"files": [str(self.ray_targets)]}]},
            "prometheus": _static(self.prometheus),
            "alertmanager": _static(self.alertmanager),
        }


def localised(shipped: Section, folder: Path, addresses: Addresses) -> Section:
    """Return a configuration for this machine.

    Args:
        shipped: the configuration as it was rendered.
        folder: where it is stored: its rule files are relative to it.
        addresses: of this machine. A scrape job that is not among them has no server here and is left out.

    Raises:
        StepError: a scrape job of ours is missing, or a part has another form.
    """
    by_job = addresses.by_job()
    jobs = {str(job.get("job_name")): job for job in _sections(shipped, "scrape_configs")}
    if missing := sorted(by_job.keys() - jobs.keys()):
        raise StepError(f"scrape_configs of {folder}/prometheus.yml lacks {', '.join(missing)}; run `make monitoring`")
    rules = shipped.get("rule_files") or []
    if not isinstance(rules, list):
        raise StepError(f"rule_files of {folder}/prometheus.yml is no list; run `make monitoring`")
    return {
        **shipped,
        "rule_files": [str(folder / str(name)) for name in rules],
        "alerting": {"alertmanagers": [_static(addresses.alertmanager)]},
        "scrape_configs": [{**_without_address(jobs[name]), **where} for name, where in by_job.items()],
    }


def _static(target: str) -> Section:
    return {"static_configs": [{"targets": [target]}]}


def _without_address(job: Section) -> Section:
    return {name: value for name, value in job.items() if name not in _ADDRESSED and not name.endswith("_sd_configs")}


def _sections(config: Section, name: str) -> Sequence[Section]:
    found = config.get(name)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise StepError(f"{name} of the configuration of Prometheus is no list of mappings; run `make monitoring`")
    return found
