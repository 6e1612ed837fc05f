"""Each room's tests run in an environment without the other room's libraries; this one proves that it is so."""

from importlib.util import find_spec

ROOMS = {"airflow": {"airflow"}, "ray": {"ray", "vllm", "torch"}}


def test_exactly_one_room_is_installed():
    present = {room: {name for name in names if find_spec(name)} for room, names in ROOMS.items()}
    complete = [room for room, names in ROOMS.items() if present[room] == names]
    partly = [room for room in ROOMS if present[room] and room not in complete]
    assert len(complete) == 1, f"this environment holds {present}"
    assert not partly, f"this environment holds {present}"
