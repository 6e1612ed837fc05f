"""The section ``drop`` of config.yaml: folders of the store where an uploaded object starts a job."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, JsonValue, field_validator, model_validator

from llmbatch.core.addresses import checked_address, is_under
from llmbatch.core.config_sections import Section, StoreConfig
from llmbatch.core.errors import RequestError
from llmbatch.core.job_request import parse_request
from llmbatch.core.layout import split_uri
from llmbatch.core.sla_hours import SLA_FIELDS, sla_field_of

RESERVED_FIELDS = ("input_uri", "retry_failed_of", "idempotency_key", "dry_run")
"""Fields of a request that the drop folder sets or has no use for."""


def _beside(name: str, validated: dict[str, Any]) -> str:
    parent, _, last = str(validated["uri"]).rpartition("/")
    return f"{parent}/{name}" if split_uri(f"{parent}/{last}")[1] else f"{parent}/{last}/{name}"


class InboxConfig(Section):
    """One inbox, and where its inputs go."""

    uri: str
    """Folder where an object, or a folder with a marker, starts a job."""
    done: Annotated[str, Field(validate_default=True)] = Field(default_factory=lambda found: _beside("done", found))
    """Folder for the inputs of finished jobs; by default ``done`` beside the inbox."""
    failed: Annotated[str, Field(validate_default=True)] = Field(default_factory=lambda found: _beside("failed", found))
    """Folder for refused inputs and those of failed jobs; by default ``failed`` beside the inbox."""
    defaults: dict[str, JsonValue] = Field(default_factory=dict)
    """Fields of the request of every job from this inbox; a sidecar or metadata of the object go over them."""

    @field_validator("uri", "done", "failed")
    @classmethod
    def _is_address(cls, value: str) -> str:
        return checked_address(value).rstrip("/")

    @field_validator("defaults")
    @classmethod
    def _is_request(cls, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        try:
            request_values({}, value, "s3://any/object")
        except RequestError as error:
            raise ValueError(str(error)) from None
        return value


class DropConfig(Section):
    """The inboxes, and how often they are looked at."""

    inbox: tuple[InboxConfig, ...] = ()
    poll_seconds: Annotated[float, Field(gt=0, le=3600)] = 5
    """Seconds between two looks of the triggerer at the inboxes."""
    most_running: Annotated[int, Field(ge=1, le=10_000)] = 100
    """Jobs of dropped inputs that are not over; further inputs wait in their inbox."""

    @model_validator(mode="after")
    def _folders_are_apart(self) -> DropConfig:
        for n, inbox in enumerate(self.inbox):
            others = [("uri of another inbox", each.uri) for each in self.inbox[:n]]
            targets = [(name, getattr(each, name)) for each in self.inbox for name in ("done", "failed")]
            for name, folder in [*others, *targets]:
                if _overlap(inbox.uri, folder):
                    raise ValueError(f"inbox {inbox.uri} overlaps {name} {folder}, whose objects would start jobs")
        return self

    def require_apart(self, store: StoreConfig) -> None:
        """Check the inboxes against the folders of the deployment.

        Raises:
            ValueError: an inbox overlaps the jobs folder or the output of its own jobs, or jobs may not read it.
        """
        for inbox in self.inbox:
            output = inbox.defaults.get("output_uri")
            taken = [("store.base_uri", store.base_uri)]
            taken += [("its default output_uri", output)] if isinstance(output, str) else []
            for name, folder in taken:
                if _overlap(inbox.uri, folder):
                    raise ValueError(f"drop.inbox: {inbox.uri} overlaps {name} {folder}. Choose a folder beside it.")
            if store.allowed_inputs is not None and not any(is_under(inbox.uri, each) for each in store.allowed_inputs):
                raise ValueError(
                    f"drop.inbox: {inbox.uri} is outside of store.allowed_inputs ({', '.join(store.allowed_inputs)}), "
                    "so that every job would be refused. Name a folder under one of these, or add it there."
                )

    def inbox_over(self, uri: str) -> str | None:
        """Return the inbox that a folder is, holds or is under; None if there is no such inbox."""
        return next((each.uri for each in self.inbox if _overlap(each.uri, uri)), None)


def request_values(
    defaults: dict[str, JsonValue], options: dict[str, JsonValue], input_uri: str
) -> dict[str, JsonValue]:
    """Return the fields of the request of one dropped input: its own options over the inbox's defaults.

    Mappings such as ``sampling`` are merged field by field.

    Raises:
        RequestError: a field is unknown, has a bad value, or is one that the drop folder sets.
    """
    for name in (*options, *defaults):
        if name in RESERVED_FIELDS:
            raise RequestError(name, "cannot be set for a dropped input", "Leave it out, or start the job by the form.")
    own_sla = sla_field_of(options) is not None
    values = {name: value for name, value in defaults.items() if not (own_sla and name in SLA_FIELDS)}
    for name, value in options.items():
        old = values.get(name)
        values[name] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
    parse_request({**values, "input_uri": input_uri})
    return {**values, "input_uri": input_uri}


def _overlap(one: str, other: str) -> bool:
    return is_under(one, other) or is_under(other, one)
