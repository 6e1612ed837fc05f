"""What is wrong with one field of a request body, as a row's failure or as the refusal of a job."""

from __future__ import annotations

from typing import NamedTuple

from llmbatch.core.errors import RequestError, RowError
from llmbatch.core.states import ErrorClass


class Problem(NamedTuple):
    """The field, what is wrong, and what to do. No text of the field's value is in it."""

    field: str
    what: str
    fix: str

    def of_row(self) -> RowError:
        """Return the failure of the row that has the field."""
        return RowError(ErrorClass.INVALID, f"`{self.field}` {self.what}. {self.fix}")

    def of_request(self) -> RequestError:
        """Return the refusal of the job whose ``request`` has the field."""
        return RequestError(f"request.{self.field}", self.what, f"{self.fix}.")


def kind_of(value: object) -> str:
    """Return what a value is, without the value: ``an object``, ``a text``."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "a boolean", int: "a number", float: "a number"}
    return "null" if value is None else names.get(type(value), f"a {type(value).__name__}")
