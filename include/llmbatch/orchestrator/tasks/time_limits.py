"""How long the tasks that hold a worker may run: Airflow ends a task at its ``execution_timeout``.

The limits are for what never ends. Staging 10 million rows of 230 characters takes about 7 minutes of one core; six
hours allow for rows, a store and a machine that are many times slower. Staging and publishing continue with what an
earlier attempt has written.
"""

from __future__ import annotations

from datetime import timedelta

ACCEPT = timedelta(minutes=15)
"""Lists 100,000 objects (100 calls), looks into some (at most 30 seconds each time) and enters the queue."""

STAGE = timedelta(hours=6)
"""Reads the input once."""

PUBLISH = timedelta(hours=6)
"""Reads the results twice and writes them once."""

REPORT = timedelta(minutes=15)
"""Reads and writes a few documents of the job."""

SCAN = timedelta(hours=1)
"""Lists the inboxes and moves the inputs of finished jobs; a folder of 100,000 objects takes about 20 minutes."""


def text_of_timeout(task: str, limit: timedelta | None) -> str:
    """Return the error of a task that ran into its limit."""
    return (
        f"{task} ran longer than its execution_timeout of {limit}, and was ended. Check that the store answers, then "
        "clear the task: it continues with what it has written. For a job that needs more time, split its input or "
        "raise execution_timeout in dags/llmbatch_inference.py."
    )
