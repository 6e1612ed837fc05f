"""The job's own schema, checked before the cluster starts an engine for it."""

from __future__ import annotations

import asyncio

from pydantic import JsonValue

from llmbatch.cluster.schemas.checker import SchemaChecker
from llmbatch.cluster.schemas.constraint import Constraint
from llmbatch.core.errors import RowError


def refused_schema(schema: dict[str, JsonValue]) -> str | None:
    """Return why no engine can decode to a job's ``output_schema``; None if engines can. Takes a second.

    Raises:
        RuntimeError: the compiler does not start; it says nothing of the schema.
    """
    return asyncio.run(_refused(schema))


async def _refused(schema: dict[str, JsonValue]) -> str | None:
    checker = SchemaChecker()
    try:
        await checker.decodable(Constraint.of_schema(schema))
    except RowError as error:
        return f"output_schema: {error.message}. Correct it and start a new job"
    finally:
        await checker.close()
    return None
