"""Problems of a body's fields, in the words of a row and of a job."""

from llmbatch.orchestrator.inputs.problem import Problem, kind_of


def test_a_problem_names_field_reason_and_fix() -> None:
    problem = Problem("n", "is 0, and 1 is the least", "Correct the value")
    assert problem.of_row().message == "`n` is 0, and 1 is the least. Correct the value"
    assert str(problem.of_request()) == "request.n: is 0, and 1 is the least. Correct the value."


def test_kinds_are_told_without_the_value() -> None:
    values = (None, {}, [], "x", True, 1, 1.0, b"")
    assert [kind_of(value) for value in values] == [
        "null", "an object", "a list", "a text", "a boolean", "a number", "a number", "a bytes",
    ]  # fmt: skip
