"""The options of one dropped input: a YAML mapping in a sidecar or in the object's metadata."""

from __future__ import annotations

from collections.abc import Mapping

import yaml
from pydantic import JsonValue, TypeAdapter, ValidationError

from llmbatch.core.errors import RequestError
from llmbatch.core.store import ObjectStore
from llmbatch.orchestrator.drop_folder.inbox import Drop

MOST_BYTES = 64 * 1024
METADATA_KEY = "llmbatch"
"""Key of the user's metadata: ``x-amz-meta-llmbatch``, with the options in one line such as ``{sla_hours: 6}``."""

_EXAMPLE = "Write fields of a job request, for example `sla_hours: 6`."
_JSON = TypeAdapter[JsonValue](JsonValue)


class _Loader(yaml.SafeLoader):
    """YAML without dates and without references: a date stays text, and no text grows when it is read."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuse an alias."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias such as *name")
        return super().compose_node(parent, index)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_options(drop: Drop, store: ObjectStore) -> dict[str, JsonValue]:
    """Return the fields that come with an input; those of the sidecar go over those of the metadata.

    Raises:
        RequestError: they cannot be read; names the object that holds them.
        ObjectMissing: the input or its sidecar is gone.
        ObjectChanged: it is another version now.
        StoreError: the store failed.
    """
    found: dict[str, JsonValue] = {}
    if not drop.is_folder:
        text = _metadata(store.metadata(drop.source, drop.etag))
        found |= _parsed(text, f"the metadata {METADATA_KEY} of {drop.source}") if text else {}
    sidecar = drop.options
    if sidecar is not None and sidecar.size > MOST_BYTES:
        raise RequestError(sidecar.uri, f"has {sidecar.size} bytes, more than {MOST_BYTES}", _EXAMPLE)
    if sidecar is not None and sidecar.size:
        found |= _parsed(store.read_range(sidecar.uri, sidecar.etag, 0, sidecar.size), sidecar.uri)
    return found


def _metadata(metadata: Mapping[str, str]) -> str:
    return {name.lower(): text for name, text in metadata.items()}.get(METADATA_KEY, "")


def _parsed(text: bytes | str, where: str) -> dict[str, JsonValue]:
    try:
        data = _JSON.validate_python(yaml.load(text, Loader=_Loader))  # nosec B506 # a SafeLoader without aliases
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise RequestError(where, f"is not valid YAML: line {line}: {error.problem}", _EXAMPLE) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise RequestError(where, f"is not valid YAML: {_problem(error)}", _EXAMPLE) from None
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise RequestError(where, f"is a {type(data).__name__} and not a mapping of fields", _EXAMPLE)
    return data


def _problem(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return "a value is neither text, number, list nor mapping"
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
