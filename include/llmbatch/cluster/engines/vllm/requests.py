"""What the body of a row becomes before vLLM reads it."""

from __future__ import annotations

import json

from pydantic import JsonValue

from llmbatch.cluster.engines.base import Body
from llmbatch.core.endpoints import Endpoint
from llmbatch.core.errors import RowError
from llmbatch.core.states import ErrorClass

_PASSIVE_TOOLS = ("function", "custom", "namespace")
"""Types of tools that the model only names; all others act, or fetch something."""


def prepared(endpoint: Endpoint, body: Body, request_id: str, name: str, adapters: frozenset[str]) -> Body:
    """Return the body with its id, its model, and nothing that needs a connection or another request.

    Args:
        endpoint: what the request is for.
        body: as it was staged.
        request_id: goes into the id of the response.
        name: the model's name.
        adapters: other names that a body may ask for.

    Raises:
        RowError: INVALID, naming the field that a row cannot have.
    """
    found = {key: value for key, value in body.items() if key not in ("stream", "stream_options")}
    found["request_id"] = request_id
    if found.get("model") not in adapters:
        found["model"] = name
    if endpoint is Endpoint.RESPONSES:
        _require_one_turn(found)
        found |= {"request_id": f"resp_{request_id}", "store": False}
    return found


def _require_one_turn(body: Body) -> None:
    for key in ("background", "previous_response_id"):
        if body.get(key):
            raise RowError(ErrorClass.INVALID, f"{key}: a row is answered at once and alone; leave it out")
    tools = body.get("tools")
    for index, tool in enumerate(tools if isinstance(tools, list) else []):
        kind = tool.get("type") if isinstance(tool, dict) else None
        if kind not in _PASSIVE_TOOLS:
            allowed = ", ".join(_PASSIVE_TOOLS)
            raise RowError(
                ErrorClass.INVALID, f"tools[{index}].type: {kind!r} is a tool that acts; rows have {allowed}"
            )


def taken_structural_tag(body: Body) -> str | None:
    """Take the structural tag out of a body and return it as JSON text; None if there is none.

    vLLM compiles it where it reads the request, with a library that a hostile one crashes. So it is set afterwards.

    Raises:
        RowError: SCHEMA, if it is not of the form that the engine decodes to.
    """
    form, outputs = body.get("response_format"), body.get("structured_outputs")
    tag: JsonValue = None
    if isinstance(outputs, dict) and outputs.get("structural_tag") is not None:
        tag = outputs["structural_tag"]
        others = {key: value for key, value in outputs.items() if key != "structural_tag"}
        if any(value is not None for value in others.values()):
            raise RowError(ErrorClass.SCHEMA, "structured_outputs: structural_tag goes with no other constraint")
        del body["structured_outputs"]
    if isinstance(form, dict) and form.get("type") == "structural_tag":
        tag = form
        del body["response_format"]
    if tag is None:
        return None
    try:
        spec = json.loads(tag) if isinstance(tag, str) else tag
    except (ValueError, RecursionError) as error:
        raise RowError(ErrorClass.SCHEMA, f"structural_tag is not JSON: {error}") from None
    if not isinstance(spec, dict) or not {"structures", "triggers"} <= spec.keys():
        raise RowError(
            ErrorClass.SCHEMA, "structural_tag: the engine decodes to one with `structures` and `triggers` only"
        )
    return json.dumps(spec)
