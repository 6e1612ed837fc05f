"""The exit codes are part of the interface."""

from llmbatch.cli.client.exits import CommandError, Exit


def test_the_codes_stay() -> None:
    assert [(code.name, code.value) for code in Exit] == [
        ("OK", 0), ("FAILED", 1), ("USAGE", 2), ("UNAUTHORISED", 3), ("NOT_FOUND", 4), ("UNAVAILABLE", 5),
        ("TIMED_OUT", 6),
    ]  # fmt: skip
    assert CommandError("why").exit_code is Exit.FAILED
