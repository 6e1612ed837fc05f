"""The fields of the form. Their titles, help and choices are those of the trigger form in Airflow's UI."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from llmbatch.core.config import Config
from llmbatch.core.job_request import JobRequest
from llmbatch.core.priority import DEFAULT_PRIORITY, HIGHEST_PRIORITY, LOWEST_PRIORITY
from llmbatch.core.sampling import DEFAULT_MAX_TOKENS, Sampling
from llmbatch.core.sla_hours import DEFAULT_SLA_HOURS, LONGEST_SLA_HOURS, SHORTEST_SLA_HOURS
from llmbatch.orchestrator.tasks.form_fields import FIELDS, FormField

SLIDER_HOURS: Final = (0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 36, 48, 72)
"""Deadlines of the slider: each is about 1.4 times the one before it."""

_ORDER = (
    "input_uri",
    "input_format",
    "prompt_column",
    "prompt_template",
    "system_prompt",
    "model",
    "task",
    "sampling.max_tokens",
    "sampling.temperature",
    "output_uri",
    "sla_hours",
    "priority",
)
_NEVER = ("dry_run", "idempotency_key")
"""The page sets them itself."""


@dataclass(frozen=True)
class Option:
    """One choice."""

    value: str
    label: str


@dataclass(frozen=True)
class Control:
    """One field of the form.

    Attributes:
        name: in the request; ``sampling.max_tokens`` is a field of a field.
        title: its label.
        help: one or a few sentences.
        kind: what is shown.
        options: of a choice.
        value: at the start.
        placeholder: an example, or what holds without a value.
        least: smallest number.
        most: largest number.
    """

    name: str
    title: str
    help: str
    kind: Literal["text", "area", "number", "choice"]
    options: tuple[Option, ...] = ()
    value: str = ""
    placeholder: str = ""
    least: float | None = None
    most: float | None = None

    @property
    def id(self) -> str:
        """Id of its element; those of its help and its error begin with it."""
        return f"start-{self.name.replace('.', '-')}"


@dataclass(frozen=True)
class Section:
    """Fields under one title."""

    title: str
    controls: tuple[Control, ...]


@dataclass(frozen=True)
class Form:
    """All fields: those that are shown, and those that a person may write as JSON."""

    sections: tuple[Section, ...]
    others: tuple[tuple[str, FormField], ...]
    slider: tuple[float, ...] = SLIDER_HOURS
    slider_start: int = SLIDER_HOURS.index(DEFAULT_SLA_HOURS)


def form_of(config: Config) -> Form:
    """Return the form of a deployment."""
    controls = [_control(name, config) for name in _ORDER]
    titles = list(dict.fromkeys(FIELDS[control.name.partition(".")[0]].section for control in controls))
    sections = tuple(
        Section(title, tuple(each for each in controls if FIELDS[each.name.partition(".")[0]].section == title))
        for title in titles
    )
    others = tuple((name, field) for name, field in FIELDS.items() if name not in (*_ORDER, *_NEVER))
    return Form(sections, others)


def _control(name: str, config: Config) -> Control:
    _, _, leaf = name.partition(".")
    if leaf:
        return _of_sampling(name, leaf, config)
    field = FIELDS[name]
    if name == "model":
        return Control(name, field.title, _model_help(config), "choice", _models(config))
    if name == "sla_hours":
        return Control(
            name,
            field.title,
            field.help,
            "number",
            value=f"{DEFAULT_SLA_HOURS:g}",
            least=SHORTEST_SLA_HOURS,
            most=LONGEST_SLA_HOURS,
        )
    if name == "priority":
        most = min(HIGHEST_PRIORITY, config.limits.max_priority)
        value = str(min(DEFAULT_PRIORITY, most))
        return Control(name, field.title, field.help, "number", value=value, least=LOWEST_PRIORITY, most=most)
    names: dict[str, str] = field.extra.get("values_display", {})
    if names:
        default = str(JobRequest.model_fields[name].default)
        return Control(name, field.title, field.help, "choice", tuple(map(Option, names, names.values())), default)
    examples: list[str] = field.extra.get("examples", [])
    kind: Literal["text", "area"] = "area" if field.extra.get("format") == "multiline" else "text"
    return Control(name, field.title, field.help, kind, placeholder=examples[0] if examples else "")


def _of_sampling(name: str, leaf: str, config: Config) -> Control:
    if leaf == "max_tokens":
        placeholder = str(min(DEFAULT_MAX_TOKENS, config.limits.max_tokens))
        least, most = 1.0, float(config.limits.max_tokens)
    else:
        placeholder, least, most = "as the model", 0.0, 2.0
    title = leaf.replace("_", " ").capitalize()
    return Control(name, title, _description(leaf), "number", placeholder=placeholder, least=least, most=most)


def _description(leaf: str) -> str:
    """Return what the model of the request says about a field of ``sampling``."""
    variants: list[dict[str, object]] = Sampling.model_json_schema()["properties"][leaf]["anyOf"]
    return next(str(each["description"]) for each in variants if "description" in each)


def _models(config: Config) -> tuple[Option, ...]:
    default = Option("", f"{config.default_model} (default)")
    return (default, *(Option(name, name) for name in config.models if name != config.default_model))


def _model_help(config: Config) -> str:
    if config.limits.models_only:
        return "The models of config.yaml."
    return 'The models of config.yaml. Any other goes under More, such as {"model": "Qwen/Qwen3-8B"}.'
