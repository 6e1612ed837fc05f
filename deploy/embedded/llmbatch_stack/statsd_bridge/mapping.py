"""The mapping file of the exporter: which StatsD name becomes which metric. Only the keys below; others are refused."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from llmbatch_stack.statsd_bridge.lines import Kind

DEFAULT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
DEFAULT_QUANTILES = (0.5, 0.9, 0.99)


class MappingError(ValueError):
    """The mapping file cannot be used."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Histogram(_Part):
    buckets: tuple[float, ...] = DEFAULT_BUCKETS


class _Quantile(_Part):
    quantile: Annotated[float, Field(gt=0, lt=1)]
    error: float = 0


class _Summary(_Part):
    quantiles: tuple[_Quantile, ...] = tuple(_Quantile(quantile=each) for each in DEFAULT_QUANTILES)


class _Observer(_Part):
    observer_type: Literal["histogram", "summary"] | None = None
    histogram_options: _Histogram = _Histogram()
    summary_options: _Summary = _Summary()


class Rule(_Observer):
    """One entry of ``mappings``."""

    match: str
    match_type: Literal["glob", "regex"] = "glob"
    match_metric_type: Kind | None = None
    action: Literal["map", "drop"] = "map"
    name: str = ""
    help: str = ""
    labels: Mapping[str, str] = {}


class _File(_Part):
    defaults: _Observer = _Observer()
    mappings: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class Target:
    """What an event becomes. ``name`` is empty if no rule is about it, so its own name is used; None: it is dropped."""

    name: str | None
    help: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    buckets: tuple[float, ...] = ()
    """Of a histogram; empty: a summary."""
    quantiles: tuple[float, ...] = DEFAULT_QUANTILES


class NameMapping:
    """The rules of one file. Globs come before regular expressions, and each in the order of the file."""

    def __init__(self, text: str) -> None:
        """Read the file's text.

        Raises:
            MappingError: it is not YAML, or a key or value is not one of the exporter's that are known here.
        """
        try:
            file = _File.model_validate(yaml.safe_load(text) or {})
            ordered = sorted(file.mappings, key=lambda rule: rule.match_type != "glob")
            self._rules = [(rule, _pattern(rule)) for rule in ordered]
        except (yaml.YAMLError, ValidationError, re.error) as error:
            raise MappingError(f"the StatsD mapping is wrong: {error}") from error
        self._defaults = file.defaults
        self.target = lru_cache(maxsize=10_000)(self._target)

    @classmethod
    def of_file(cls, path: Path) -> "NameMapping":
        """Read a file. Raises ``MappingError`` and ``OSError``."""
        return cls(path.read_text(encoding="utf-8"))

    def _target(self, name: str, kind: Kind) -> Target:
        for rule, pattern in self._rules:
            found = pattern.fullmatch(name) if rule.match_type == "glob" else pattern.search(name)
            if found is None or rule.match_metric_type not in (None, kind):
                continue
            if rule.action == "drop":
                return Target(None)
            labels = tuple((label, _filled(text, found.groups())) for label, text in rule.labels.items())
            return self._made(_filled(rule.name, found.groups()), rule, rule.help, labels)
        return self._made("", self._defaults)

    def _made(self, name: str, rule: _Observer, text: str = "", labels: tuple[tuple[str, str], ...] = ()) -> Target:
        is_histogram = (rule.observer_type or self._defaults.observer_type) == "histogram"
        given = rule if "histogram_options" in rule.model_fields_set else self._defaults
        buckets = given.histogram_options.buckets if is_histogram else ()
        quantiles = tuple(each.quantile for each in rule.summary_options.quantiles)
        return Target(name, text, labels, buckets, quantiles)


def _pattern(rule: Rule) -> re.Pattern[str]:
    if rule.match_type == "regex":
        return re.compile(rule.match)
    return re.compile(r"([^.]*)".join(re.escape(part) for part in rule.match.split("*")))


def _filled(template: str, groups: Sequence[str | None]) -> str:
    """Put the captures into ``$1`` and ``${1}``."""

    def group(found: re.Match[str]) -> str:
        number = int(found.group(1) or found.group(2))
        return (groups[number - 1] or "") if 0 < number <= len(groups) else ""

    return re.sub(r"\$(?:(\d+)|\{(\d+)\})", group, template)
