"""Which Pods are the open attempt's, and which may or must go."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loadstar.core.instructions import (
    ConfirmPod,
    CreatePod,
    DeletePod,
    ReleasePod,
    RestorePod,
)
from loadstar.core.model import Phase, PodRetention
from loadstar.core.view import NodeState
from tests.unit.core.builders import NOW, pod, task
from tests.unit.core.decisions import ASSIGNED, RUNNING, SUCCESS, decide


def test_finished_pods_are_kept_as_asked_and_at_most_five() -> None:
    """All keeps the last five, Failed those that failed, None none; a live or tracked Pod is never surplus."""
    pods = [pod(Phase.FAILED, attempt=n, uid=f"p{n}", started=NOW - 9) for n in range(1, 8)]
    last = pod(Phase.SUCCEEDED, attempt=8, uid="p8", started=NOW - 3)
    done = replace(SUCCESS, attempt=8)

    def deleted(retention: PodRetention) -> set[str]:
        found = decide(task(done, pod_retention=retention), *pods, last)
        return {item.pod.uid for item in found if isinstance(item, DeletePod)}

    assert deleted(PodRetention.ALL) == {"p1", "p2", "p3"}
    assert deleted(PodRetention.FAILED) == {"p1", "p2", "p8"}
    assert deleted(PodRetention.NONE) == {f"p{n}" for n in range(1, 9)}
    assert decide(task(done, pod_retention=PodRetention.NONE), replace(last, tracked=True)) == (
        ReleasePod(replace(last, tracked=True)),
    )


def test_a_tracked_pod_is_released_once_its_end_is_on_record() -> None:
    """Our finalizer holds a Pod until the status has its end, or its Task goes."""
    ended = pod(Phase.SUCCEEDED, started=NOW - 3, tracked=True, deleting=True)
    assert not any(isinstance(item, ReleasePod) for item in decide(task(RUNNING), ended))
    assert decide(task(SUCCESS), ended) == (ReleasePod(ended),)
    live = pod(Phase.RUNNING, tracked=True)
    assert decide(task(RUNNING, deleting=True), live) == (ReleasePod(live),)


def test_a_label_that_was_taken_off_is_no_end() -> None:
    """A Pod that left the watch without having ended is read by its name before it is believed gone."""
    assert decide(task(RUNNING), pod(Phase.RUNNING, gone=True)) == (ConfirmPod("t-01234-0-1", 1),)
    altered = pod(Phase.RUNNING, altered=True)
    assert decide(task(RUNNING), altered)[0] == RestorePod(altered)


def test_stray_pods_are_deleted_before_anything_else() -> None:
    """A live Pod of an earlier attempt is ended first: at most one Pod of a part is live."""
    old = pod(Phase.RUNNING)
    later = replace(ASSIGNED, attempt=2, pod="t-01234-0-2")
    instructions = decide(task(later), old)
    assert instructions[0] == DeletePod(old)
    assert not any(isinstance(item, CreatePod) for item in instructions)


@pytest.mark.parametrize("state", [NodeState.GONE, NodeState.OUT_OF_SERVICE])
def test_a_dead_node_frees_its_pod_at_once(state: NodeState) -> None:
    """Where nothing can run any more the Pod object is ended by force, also one that is being deleted."""
    live = pod(Phase.RUNNING, deleting=True)
    assert decide(task(RUNNING), live, node_state=state) == (DeletePod(live, force=True),)
