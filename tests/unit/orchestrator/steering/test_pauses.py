"""Pauses of other jobs: which jobs are paused, and when they are resumed."""

from __future__ import annotations

import pytest

from fakes.proofs import put_proof
from fakes.risk import BASE, NOW, PAUSE, PAUSED, REPLICAS, RESUME, RESUMED, Site
from llmbatch.core.admission import AdmissionQueue, QueuedJob
from llmbatch.core.control import Control, ReplicaBounds
from llmbatch.core.layout import queue_uri
from llmbatch.core.reactions import read_reactions
from llmbatch.core.request_options import Reactions
from llmbatch.core.states import Phase


def test_only_running_jobs_of_lower_priority_are_paused() -> None:
    site = Site(Reactions(pause_lower_priority=True))
    stale = site.job(5)
    site.later(301)
    low, equal, done = site.job(2, priority=4), site.job(3, priority=5), site.job(4, phase=Phase.DONE)
    resting = site.job(6)
    site.store.put(resting.layout.control, Control(paused=True, written_by="ann").model_dump_json().encode())
    published = site.job(7)
    put_proof(site.store, published.layout)
    assert site.look() == [PAUSE]
    assert site.control(low).paused
    assert site.control(resting).paused_by is None
    for spec in (equal, done, stale, published):
        assert spec.layout.control not in site.store.objects
    [record] = read_reactions(site.store, low.layout)
    assert (record.kind, record.was) == (PAUSED, site.spec.root_uri)


def test_the_queue_of_admitted_jobs_saves_the_listing(monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(Reactions(pause_lower_priority=True))
    low, other = site.job(2), site.job(3)
    queued = QueuedJob(job_id=low.job_id, root_uri=low.root_uri, deadline=low.deadline, replicas=1)
    site.store.put(queue_uri(BASE), AdmissionQueue(jobs=(queued,)).model_dump_json().encode())
    listed: list[str] = []
    real = site.store.list
    monkeypatch.setattr(site.store, "list", lambda prefix: listed.append(prefix) or real(prefix))
    site.look()
    assert site.control(low).paused
    assert other.layout.control not in site.store.objects
    assert f"{BASE}/jobs/" not in listed


def test_paused_jobs_go_on_when_the_job_is_safe_and_nothing_else_is_taken_back() -> None:
    site = Site(Reactions(max_replicas=2, pause_lower_priority=True))
    low = site.job(2)
    assert site.look() == [REPLICAS]
    site.live = 2
    assert site.later().look() == [PAUSE]
    assert site.end_of_risk() == [RESUME]
    assert (site.control(low).paused, site.control(low).paused_by) == (False, None)
    assert site.kinds(low) == [PAUSED, RESUMED]
    assert site.end_of_risk() == []
    assert site.control().replicas == ReplicaBounds(min=2, max=2)


def test_a_pause_that_somebody_else_has_taken_over_stays() -> None:
    site = Site(Reactions(pause_lower_priority=True))
    low = site.job(2)
    site.look()
    site.store.put(low.layout.control, Control(paused=True, written_by="ann").model_dump_json().encode())
    site.end_of_risk()
    assert site.control(low).paused
    assert site.kinds(low) == [PAUSED]


def test_a_paused_job_whose_folder_is_gone_holds_nobody_up() -> None:
    site = Site(Reactions(pause_lower_priority=True))
    low, other = site.job(2), site.job(3)
    site.look()
    site.store.delete_many([uri for uri in site.store.objects if uri.startswith(low.root_uri)])
    assert site.end_of_risk() == [RESUME, RESUME]
    assert not site.control(other).paused


def test_a_pause_ends_with_the_deadline_of_the_job_at_risk() -> None:
    site = Site(Reactions(pause_lower_priority=True))
    low = site.job(2)
    site.look()
    control = site.control(low)
    assert control.paused_until == site.spec.deadline
    assert (control.is_paused(NOW), control.is_paused(site.spec.deadline)) == (True, False)


def test_a_job_whose_pause_has_ended_can_be_paused_for_another_one() -> None:
    site = Site(Reactions(pause_lower_priority=True))
    low = site.job(2)
    over = Control(paused=True, paused_by="s3://b/base/jobs/job-9", paused_until=NOW)
    site.store.put(low.layout.control, over.model_dump_json().encode())
    assert site.look() == [PAUSE]
    assert site.control(low).paused_by == site.spec.root_uri
