"""The id of a row's request."""

from __future__ import annotations

from llmbatch.cluster.replica.request_id import request_id_of


def test_it_is_the_same_at_every_attempt_and_of_no_other_row_or_job() -> None:
    found = request_id_of("job-1", "00000-000000001")
    assert found == request_id_of("job-1", "00000-000000001") == "e847fe050115acddfa94cf8c53d33eb3"
    assert len({found, request_id_of("job-2", "00000-000000001"), request_id_of("job-1", "00000-000000002")}) == 3
