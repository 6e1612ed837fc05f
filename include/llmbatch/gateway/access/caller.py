"""The user behind a request."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Caller:
    """One authenticated user of Airflow.

    Attributes:
        user: name, as Airflow's auth manager gives it; the owner of what the request makes.
        authorization: header with which Airflow is called as this user.
        is_admin: whether config.yaml lists the user in ``admins``.
        key_id: the API key that was used; None for a token of Airflow.
    """

    user: str
    authorization: str = field(repr=False)
    is_admin: bool = False
    key_id: str | None = None

    def may_read_answers(self, owner: str) -> bool:
        """Whether this user may read rows and answers of a job or file of ``owner`` (empty: of no user)."""
        return self.is_admin or (owner != "" and owner == self.user)
