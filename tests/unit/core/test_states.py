"""The names and exit codes that other programs match on."""

from llmbatch.core.states import DesiredState, ExitReason, Phase


def test_exit_codes_are_the_contract():
    assert {reason.name: int(reason) for reason in ExitReason} == {
        "COMMITTED": 0, "DRAINED": 10, "CANCELLED": 11, "ERROR_RATE": 12, "SUPERSEDED": 13, "INTERRUPTED": 14,
        "BAD_SPEC": 20, "STORE_UNREACHABLE": 21, "ENGINE_START": 22,
        "OTHER_VERSION": 23, "CRASHED": 30,
    }  # fmt: skip


def test_every_reason_has_advice_and_only_wanted_or_hopeless_ends_are_final():
    assert all(reason.advice.endswith(".") for reason in ExitReason)
    assert {r for r in ExitReason if r.is_final} == {
        ExitReason.DRAINED, ExitReason.CANCELLED, ExitReason.ERROR_RATE, ExitReason.BAD_SPEC, ExitReason.ENGINE_START,
        ExitReason.OTHER_VERSION,
    }  # fmt: skip


def test_terminal_phases():
    assert {p.value for p in Phase if p.is_terminal} == {"done", "drained", "cancelled", "failed"}
    assert {p.value for p in Phase if p.stopped_early} == {"drained", "cancelled", "failed"}


def test_cancel_is_the_strongest_request_and_run_the_weakest():
    assert sorted(DesiredState, key=lambda desired: desired.strength) == ["run", "drain", "cancel"]
