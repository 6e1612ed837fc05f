from __future__ import annotations

from llmbatch.orchestrator.alerting.sink_slots import SinkSlots


def test_a_sink_has_one_slot_and_sinks_do_not_share_it() -> None:
    slots = SinkSlots()
    assert slots.take("a", 0)
    assert not slots.take("a", 0)
    assert not slots.take("a", 0.01)
    assert slots.take("b", 0)
    slots.free("a")
    assert slots.take("a", 0)
