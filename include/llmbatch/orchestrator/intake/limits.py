"""What a request may set: the section ``limits`` of config.yaml, checked in one place."""

from __future__ import annotations

from string import Formatter

from llmbatch.core.config import Config
from llmbatch.core.errors import RequestError
from llmbatch.core.job_request import JobRequest


def require_within_limits(request: JobRequest, config: Config) -> None:
    """Check a request against the limits of the deployment.

    Raises:
        RequestError: naming the field, its value and the setting that limits it.
    """
    limits, reactions = config.limits, request.reactions
    for field, value, setting, most in (
        ("priority", request.priority, "max_priority", limits.max_priority),
        ("engine.concurrency", request.engine.concurrency, "max_concurrency", limits.max_concurrency),
        ("sampling.max_tokens", request.sampling.max_tokens, "max_tokens", limits.max_tokens),
        ("reactions.max_replicas", reactions.max_replicas, "max_replicas", limits.max_replicas),
        ("reactions.max_tokens", reactions.max_tokens, "max_tokens", limits.max_tokens),
    ):
        if value is not None and value > most:
            raise RequestError(
                field,
                f"{value} is above limits.{setting} {most} of this deployment",
                f"Set at most {most}, or raise limits.{setting} in config.yaml.",
            )
    if reactions.pause_lower_priority and not limits.pausing:
        raise RequestError(
            "reactions.pause_lower_priority",
            "true is refused, because limits.pausing is false in this deployment",
            "Leave it out, or set limits.pausing to true in config.yaml.",
        )
    if limits.models_only:
        _require_configured("model", request.model, config)
        _require_configured("reactions.fallback_model", reactions.fallback_model, config)


def require_prompts_fit(request: JobRequest, most: int) -> None:
    """Refuse texts of the request that alone make the prompt of every row too long.

    Args:
        request: the validated request.
        most: ``staging.max_prompt_chars``.

    Raises:
        RequestError: naming the field, its number of characters and the setting.
    """
    literals = (literal for literal, *_ in Formatter().parse(request.prompt_template or ""))
    for field, chars in (
        ("system_prompt", len(request.system_prompt or "")),
        ("prompt_template", sum(map(len, literals))),
    ):
        if chars > most:
            raise RequestError(
                field,
                f"has {chars} characters of its own, more than staging.max_prompt_chars {most} allows for a prompt",
                "Shorten it, or raise staging.max_prompt_chars in config.yaml.",
            )


def _require_configured(field: str, name: str | None, config: Config) -> None:
    if name is not None and config.model_name(name) not in config.models:
        raise RequestError(
            field,
            f"{name!r} is not a model of config.yaml, and limits.models_only allows no other",
            f"Choose one of {', '.join(config.models)}, or add it to models in config.yaml.",
        )
