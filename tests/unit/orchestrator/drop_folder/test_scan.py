"""Which inputs start a job, once each, and where they go."""

from __future__ import annotations

import pytest

from fakes.inboxes import BASE, INBOX, REFUSED, Deployment, Interrupted
from llmbatch.core.errors import ObjectMissing, StoreDenied, StoreError
from llmbatch.core.identity import INFERENCE_DAG, job_id_of
from llmbatch.orchestrator.deployment.run_states import DagRunState
from llmbatch.orchestrator.drop_folder.claims import Outcome


@pytest.fixture
def there() -> Deployment:
    return Deployment()


def confs(there: Deployment) -> list[dict[str, object]]:
    return [*there.runs.confs.values()]


def test_an_object_starts_one_job_and_leaves_when_that_is_done(there: Deployment):
    there.drop("a.jsonl")
    assert there.scan().started == 1
    assert there.scan().as_dict() == {
        "started": 0, "running": 1, "waiting": 0, "errors": 0, "done": 0, "failed": 0, "refused": 0,
    }  # fmt: skip
    assert confs(there) == [{"input_uri": f"{INBOX}/a.jsonl"}]
    there.finish()
    assert there.scan().outcomes[Outcome.DONE] == 1
    assert there.inbox() == set()
    [run_id] = there.runs.confs
    job_id = job_id_of(INFERENCE_DAG, run_id)
    assert there.under("done")["a.jsonl"] == b'{"prompt": "a"}\n'
    assert there.link("a.jsonl") | {"rows": 0} == {
        "job_id": job_id,
        "manifest_uri": f"{BASE}/jobs/{job_id}/manifest.json",
        "input": {"uri": f"{INBOX}/a.jsonl", "etag": there.link("a.jsonl")["input"]["etag"]},
        "rows": 0,
        "outputs": [],
    }
    assert f"s3://b/done/2030-01-01/{job_id}/a.jsonl" in there.store.objects


def test_ten_objects_start_ten_jobs_the_oldest_first(there: Deployment):
    for name in "jihgfedcba":
        there.drop(f"{name}.jsonl")
    assert there.scan().started == 10
    assert [str(conf["input_uri"])[-7] for conf in confs(there)] == [*"jihgfedcba"]


def test_a_failed_job_leaves_its_reason_beside_the_input(there: Deployment):
    there.drop("a.jsonl")
    there.scan()
    there.finish(succeed=False)
    there.scan()
    reason = there.under("failed")["a.jsonl.reason.txt"].decode()
    assert there.under("failed").keys() == {"a.jsonl", "a.jsonl.reason.txt"}
    [run_id] = there.runs.confs
    for words in (f"{INBOX}/a.jsonl", "has no rows", job_id_of(INFERENCE_DAG, run_id), run_id, "into the inbox again"):
        assert words in reason


def test_a_job_whose_run_was_deleted_has_failed(there: Deployment):
    there.drop("a.jsonl")
    there.scan()
    there.runs.states.clear()
    there.scan()
    assert b"DAG run was deleted" in there.under("failed")["a.jsonl.reason.txt"]
    assert len(there.runs.confs) == 1


def test_a_job_with_a_manifest_is_done_whatever_its_run_says(there: Deployment):
    there.drop("a.jsonl")
    there.scan()
    there.finish()
    there.runs.states = dict.fromkeys(there.runs.states, DagRunState.GONE)
    there.scan()
    assert "a.jsonl" in there.under("done")


def test_the_manifest_of_another_job_is_no_success(there: Deployment):
    there.drop("a.jsonl")
    there.scan()
    there.finish()
    [proof] = [uri for uri in there.store.objects if uri.endswith("/manifest.json") and "/jobs/" in uri]
    there.store.put(proof, there.store.objects[proof].replace(b"job-", b"jab-"))
    assert there.scan().errors == 1
    assert there.inbox() == {"a.jsonl"}


def test_the_same_content_again_starts_no_job_after_a_success(there: Deployment):
    for _ in range(2):
        there.drop("a.jsonl")
        there.scan()
        there.finish()
        there.scan()
        assert there.inbox() == set()
    assert len(there.runs.confs) == 1
    assert "was dropped here before" in str(there.link("a.jsonl")["note"])


def test_the_same_content_again_is_another_attempt_after_a_failure(there: Deployment):
    there.drop("a.jsonl")
    there.scan()
    there.finish(succeed=False)
    there.scan()
    there.drop("a.jsonl")
    there.scan()
    first, second = there.runs.confs
    assert second == f"{first}-2"
    there.finish()
    there.scan()
    assert "a.jsonl" in there.under("done")


@pytest.mark.parametrize(("succeeds", "folder"), [(True, "done"), (False, "failed")])
def test_what_an_interrupted_move_left_is_moved_and_starts_no_job(there: Deployment, succeeds: bool, folder: str):
    left = there.drop("a.jsonl")
    there.scan()
    there.finish(succeed=succeeds)
    there.scan()
    there.store.objects[left.uri] = b'{"prompt": "a"}\n'  # the same version: its time of writing has not changed
    there.scan()
    assert there.inbox() == set()
    assert len(there.runs.confs) == 1
    assert "a.jsonl" in there.under(folder)


def test_another_content_is_another_job_while_the_first_runs(there: Deployment):
    there.drop("a.jsonl", "1")
    there.scan()
    there.drop("a.jsonl", "2")
    there.scan()
    assert len(there.runs.confs) == 2
    there.finish()
    there.scan()
    assert there.inbox() == set()
    assert there.under("done")["a.jsonl"] == b"2"


def test_an_object_overwritten_before_its_move_stays_and_gets_its_own_job(there: Deployment):
    there.drop("a.jsonl", "1")
    there.scan()
    there.finish()
    there.drop("a.jsonl", "2")
    there.scan()
    assert there.inbox() == {"a.jsonl"}
    assert len(there.runs.confs) == 2


def test_an_object_overwritten_between_copy_and_deletion_stays(there: Deployment):
    there.drop("a.jsonl", "1")
    there.scan()
    there.finish()
    copied = there.store.copy

    def copy_then_overwrite(source: object, uri: str) -> object:
        done = copied(source, uri)
        there.drop("a.jsonl", "2")
        return done

    there.store.copy = copy_then_overwrite
    there.scan()
    assert there.store.objects[f"{INBOX}/a.jsonl"] == b"2"


def test_defaults_of_the_inbox_are_under_the_options_of_the_object():
    there = Deployment(inbox=[{"uri": INBOX, "defaults": {"sla_hours": 6, "sampling": {"seed": 7, "max_tokens": 9}}}])
    there.drop("a.jsonl.llmbatch.yaml", "sampling: {max_tokens: 3}\ncompletion_window: 2h\n")
    there.drop("a.jsonl")
    there.scan()
    assert confs(there) == [
        {"sampling": {"seed": 7, "max_tokens": 3}, "completion_window": "2h", "input_uri": f"{INBOX}/a.jsonl"}
    ]
    there.finish()
    there.scan()
    assert there.under("done").keys() == {"a.jsonl", "a.jsonl.llmbatch.yaml", "a.jsonl.manifest.json"}


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("a.jsonl", "sla_hour: 6", "Did you mean 'sla_hours'?"),
        ("a.jsonl", "input_uri: s3://b/other", "input_uri: cannot be set"),
        ("a.jsonl", "- 1", "not a mapping"),
        (f"{REFUSED}.jsonl", "", "Airflow refused the run"),
    ],
)
def test_a_refused_input_leaves_the_reason_and_starts_no_job(there: Deployment, name: str, options: str, words: str):
    if options:
        there.drop(f"{name}.llmbatch.yaml", options)
    there.drop(name)
    there.scan()
    assert there.runs.confs == {}
    assert there.inbox() == set()
    assert words in there.under("failed")[f"{name}.reason.txt"].decode()
    assert there.under("failed")[name] == b'{"prompt": "a"}\n'


def test_a_refused_input_may_come_again(there: Deployment):
    there.drop("a.jsonl.llmbatch.yaml", "sla_hour: 6")
    there.drop("a.jsonl")
    there.scan()
    there.drop("a.jsonl")
    assert there.scan().started == 1


def test_a_key_with_a_control_character_is_refused_and_written_safely(there: Deployment):
    there.drop("a\n.jsonl")
    there.scan()
    assert there.runs.confs == {}
    assert "control character" in there.under("failed")["a%0A.jsonl.reason.txt"].decode()


def test_a_folder_starts_one_job_once_it_has_its_marker(there: Deployment):
    there.drop("night/part-0.jsonl", "0")
    there.drop("night/deep/part-1.jsonl", "1")
    assert there.scan().started == 0
    there.drop("night/_SUCCESS", "")
    assert there.scan().started == 1
    assert confs(there) == [{"input_uri": f"{INBOX}/night/"}]
    there.drop("night/late.jsonl", "2")
    assert there.scan().started == 0
    there.finish()
    there.store.put(f"{INBOX}/night/after.jsonl", b"3")
    there.scan()
    assert there.inbox() == {"night/after.jsonl"}
    assert there.under("done").keys() == {
        "night/part-0.jsonl", "night/deep/part-1.jsonl", "night/late.jsonl", "night/_SUCCESS", "night.manifest.json",
    }  # fmt: skip


def test_a_folder_with_options_is_one_job(there: Deployment):
    there.drop("night/part-0.jsonl", "0")
    there.drop("night/.llmbatch.yaml", "sla_hours: 3")
    there.scan()
    assert confs(there) == [{"sla_hours": 3, "input_uri": f"{INBOX}/night/"}]


def test_a_folder_of_a_failed_job_goes_as_a_whole(there: Deployment):
    there.drop("night/part-0.jsonl", "0")
    there.drop("night/_SUCCESS", "")
    there.scan()
    there.finish(succeed=False)
    there.scan()
    assert there.under("failed").keys() == {"night/part-0.jsonl", "night/_SUCCESS", "night.reason.txt"}
    assert there.inbox() == set()


def test_a_folder_without_marker_is_reported(there: Deployment, caplog: pytest.LogCaptureFixture):
    there.drop("night/part-0.jsonl", "0")
    there.wait(11)
    there.scan()
    assert "event=drop_unmarked folder=s3://b/inbox/night/" in caplog.text


def test_strays_are_refused_after_ten_minutes(there: Deployment):
    there.drop("empty.jsonl", "")
    there.drop("lone.jsonl.llmbatch.yaml", "sla_hours: 3")
    there.scan()
    assert len(there.inbox()) == 2
    there.wait(11)
    there.scan()
    assert there.inbox() == set()
    assert "is empty" in there.under("failed")["empty.jsonl.reason.txt"].decode()
    assert "no object 'lone.jsonl'" in there.under("failed")["lone.jsonl.llmbatch.yaml.reason.txt"].decode()


def test_more_inputs_than_may_run_wait():
    there = Deployment(most_running=2)
    for name in "abcde":
        there.drop(name)
    found = there.scan()
    assert (found.started, found.waiting) == (2, 3)
    there.finish()
    assert there.scan().started == 2
    assert len(there.runs.confs) == 4


def test_an_input_that_cannot_be_moved_stops_no_other(there: Deployment):
    there.drop("a.jsonl")
    there.drop("b.jsonl")
    there.scan()
    there.finish()
    copied = there.store.copy

    def copy(source: object, uri: str) -> object:
        if uri.endswith("/a.jsonl"):
            raise StoreDenied(f"{uri}: AccessDenied")
        return copied(source, uri)

    there.store.copy = copy
    there.drop("c.jsonl")
    found = there.scan()
    assert (found.errors, found.outcomes[Outcome.DONE], found.started) == (1, 1, 1)
    there.store.copy = copied
    there.scan()
    assert there.under("done").keys() >= {"a.jsonl", "b.jsonl"}


def test_a_scan_that_cannot_list_fails_to_be_retried(there: Deployment):
    there.store.at[1] = lambda: (_ for _ in ()).throw(StoreError("down"))
    with pytest.raises(StoreError):
        there.scan()


def test_an_inbox_that_cannot_be_listed_stops_no_other(caplog: pytest.LogCaptureFixture):
    there = Deployment(inbox=[{"uri": "s3://b/gone/inbox"}, {"uri": INBOX}])
    there.drop("a.jsonl")
    listed = there.store.list

    def list_(prefix: str) -> object:
        if prefix.startswith("s3://b/gone"):
            raise ObjectMissing(prefix)
        return listed(prefix)

    there.store.list = list_
    found = there.scan()
    assert (found.started, found.errors) == (1, 1)
    assert "event=inbox_unreadable inbox=s3://b/gone/inbox" in caplog.text


def test_options_are_frozen_with_the_claim(there: Deployment):
    there.drop("a.jsonl.llmbatch.yaml", "sla_hours: 3")
    there.drop("a.jsonl")
    start = there.runs.start

    def killed(run_id: str, conf: dict[str, object]) -> None:
        raise Interrupted

    there.runs.start = killed
    with pytest.raises(Interrupted):
        there.scan()
    there.runs.start = start
    there.drop("a.jsonl.llmbatch.yaml", "sla_hours: 5")
    there.scan()
    assert [conf["sla_hours"] for conf in confs(there)] == [3]
