"""Filter, choice, and the words for both."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstar.core.classes import expected
from loadstar.core.fit import tolerates
from loadstar.core.model import NodeClass, Strategy, Toleration, Weights
from loadstar.core.nodes import Charge, NodeView
from loadstar.core.placement import Placed, Unplaced, place, shown
from loadstar.core.policy import Policy, WhenFull, WhenHot
from loadstar.core.reasons import Reason
from tests.unit.core.builders import GI, NOW, ledger, load, request, snapshot, taint, view, worker

CAPABLE = {"capability.loadstar.dev/gpu": ""}


def chosen(decision: object) -> str | None:
    assert isinstance(decision, Placed)
    return decision.node


def test_the_least_loaded_node_is_chosen_and_said() -> None:
    """The lowest predicted load wins; score, runners-up and sentence tell why."""
    decision = place(request(), snapshot(view("a", 0.6), view("b", 0.2), view("c", 0.4)))
    assert isinstance(decision, Placed)
    assert decision.node == "b"
    assert [other.node for other in decision.next] == ["c", "a"]
    assert decision.message.startswith("b has the lowest predicted load of 3 nodes: ")
    assert decision.fresh


def test_cold_before_hot_before_unmeasured() -> None:
    """A measured node is tried before one that only looks idle because nobody measured it."""
    unmeasured, hot = view("u", cpu=None), view("h", 0.95)
    assert chosen(place(request(), snapshot(unmeasured, hot))) == "h"
    assert chosen(place(request(), snapshot(unmeasured, hot, view("c", 0.7)))) == "c"


def test_a_burst_spreads() -> None:
    """Placements of one cycle count for each other: twelve equal Tasks on three equal nodes go four each."""
    world = ledger(view("a"), view("b"), view("c"))
    counts: Counter[str | None] = Counter()
    for number in range(12):
        own = request(uid=f"u{number}")
        node = chosen(place(own, world.snapshot(Policy(), NOW)))
        counts[node] += 1
        requests = own.template.worker.requests
        world.put(own.task_uid, Charge(node or "", requests, expected(requests)))
    assert set(counts.values()) == {4}


@pytest.mark.parametrize(
    ("node", "fields", "reason", "words"),
    [
        (view("a", unschedulable=True), {}, Reason.NO_READY_NODE, "1 cordoned"),
        (view("a", ready=False), {}, Reason.NO_READY_NODE, "1 not Ready"),
        (view("a", taints=(taint(),)), {}, Reason.NO_MATCHING_NODE, "not tolerated (k:NoSchedule)"),
        (view("a"), {"node_selector": (("zone", "x"),)}, Reason.NO_MATCHING_NODE, "nodeSelector (zone=x)"),
        (view("a"), {"requires": ("gpu",)}, Reason.NO_MATCHING_NODE, "without a required capability (gpu)"),
        (view("a"), {"worker": worker(cpu=9000)}, Reason.REQUEST_TOO_LARGE, "cpu 4 at most); asks for cpu 9"),
        (view("a", requested={"cpu": 3950}), {}, Reason.WAITING_FOR_CAPACITY, "cpu 50m free); asks for cpu 100m"),
        (view("a", requested={"pods": 110}), {}, Reason.WAITING_FOR_CAPACITY, "pods 0 free"),
        (view("a"), {"worker": worker(memory=9 * GI)}, Reason.REQUEST_TOO_LARGE, "memory 8Gi at most"),
    ],
)
def test_each_obstacle_has_its_reason(node: NodeView, fields: dict[str, Any], reason: Reason, words: str) -> None:
    """Why there is no node is one reason and one sentence that counts nodes by cause."""
    decision = place(request(**fields), snapshot(node))
    assert isinstance(decision, Unplaced)
    assert decision.reason is reason
    assert decision.message.startswith("0/1 nodes: ")
    assert words in decision.message


def test_an_empty_cluster_says_so() -> None:
    """No nodes at all is a reason too."""
    assert place(request(), snapshot()) == Unplaced(Reason.NO_READY_NODE, "the cluster has no nodes yet")


def test_preferred_capability_breaks_near_ties_only() -> None:
    """A preferred capability helps between like nodes, and does not send Tasks to a much hotter one."""
    likes = request(prefers=("gpu",))
    assert chosen(place(likes, snapshot(view("a", 0.30), view("b", 0.32, labels=CAPABLE)))) == "b"
    assert chosen(place(likes, snapshot(view("a", 0.30), view("b", 0.60, labels=CAPABLE)))) == "a"


def test_avoided_nodes_are_a_last_resort() -> None:
    """A node that did not take the Pod is tried again only when there is no other."""
    avoid = frozenset({"a"})
    assert chosen(place(request(avoid=avoid), snapshot(view("a", 0.1), view("b", 0.5)))) == "b"
    assert chosen(place(request(avoid=avoid), snapshot(view("a", 0.1), view("b", unschedulable=True)))) == "a"


def test_nodes_that_are_as_good_are_named_too() -> None:
    """Up to two more of the same class and within 0.05; a strict Task has the one alone."""
    world = snapshot(view("a", 0.30), view("b", 0.31), view("c", 0.32), view("d", 0.33))
    decision = place(request(), world)
    assert isinstance(decision, Placed)
    assert (decision.node, decision.others) == ("a", ("b", "c"))
    assert decision.message.endswith("its Pod may as well go to b or c")
    far = place(request(), snapshot(view("a", 0.30), view("b", 0.40), view("u", cpu=None)))
    strict = place(request(strict=True), world)
    assert isinstance(far, Placed)
    assert isinstance(strict, Placed)
    assert far.others == strict.others == ()


def test_a_tasks_own_weights_decide() -> None:
    """A Task to whom I/O matters goes where the disk rests; where I/O is not measured the others share its weight."""
    own = Weights(0.1, 0.1, 0.8)

    def node(name: str, cpu: float, io: float | None) -> NodeView:
        return replace(view(name), load=load(cpu * 4, 0.1 * 8 * GI, io))

    measured = snapshot(node("a", 0.2, 0.7), node("b", 0.5, 0.1), policy=Policy(weights=Weights(0.9, 0.1, 0.0)))
    assert chosen(place(request(), measured)) == "a"
    assert chosen(place(request(weights=own), measured)) == "b"
    blind = snapshot(node("a", 0.2, None), node("b", 0.5, None))
    for weights in (own, Weights(0, 0, 1)):
        decision = place(request(weights=weights), blind)
        assert isinstance(decision, Placed)
        assert decision.score is not None
        assert (decision.node, decision.score.weights) == ("a", Weights(0.5, 0.5, 0))


def test_apart_is_a_last_resort_and_near_a_preference() -> None:
    """A node with a Task to be away from is taken only when there is no other; one to be close to is worth a fifth."""
    world = snapshot(view("a", 0.1), view("b", 0.25), view("c", 0.7))
    assert chosen(place(replace(request(), apart=frozenset({"a"})), world)) == "b"
    assert chosen(place(replace(request(), apart=frozenset({"a", "b", "c"})), world)) == "a"
    assert chosen(place(replace(request(), near=frozenset({"b"})), world)) == "b"
    assert chosen(place(replace(request(), near=frozenset({"c"})), world)) == "a"


def test_when_all_is_hot_a_policy_may_have_tasks_wait() -> None:
    """whenHot: Wait holds a Task that every node would be too hot for, and says so; by default hot nodes come last."""
    waits = Policy(when_hot=WhenHot.WAIT)
    decision = place(request(), snapshot(view("a", 0.9), view("b", 0.95), policy=waits))
    assert isinstance(decision, Unplaced)
    assert decision.reason is Reason.NODES_OVERLOADED
    assert "over 85% load; the best would be a: " in decision.message
    assert chosen(place(request(), snapshot(view("a", 0.9)))) == "a"
    assert chosen(place(request(), snapshot(view("a", 0.9), view("b", 0.3), policy=waits))) == "b"


def test_when_all_is_full_some_pods_show_the_demand() -> None:
    """After 30 s without room a Task's Pod is made without a node, ten at most, unless the policy says Hold or another
    thing than room is missing.
    """
    full = Unplaced(Reason.WAITING_FOR_CAPACITY, "0/3 nodes: 3 full")
    made = shown(full, Policy(), 30, 9)
    assert isinstance(made, Placed)
    assert (made.node, made.strategy, made.score) == (None, Strategy.KUBE_SCHEDULER, None)
    assert made.message.endswith("0/3 nodes: 3 full")
    assert shown(full, Policy(), 29, 0) is full
    assert shown(full, Policy(), 99, 10) is full
    assert shown(full, Policy(when_full=WhenFull.HOLD), 99, 0) is full
    other = Unplaced(Reason.NO_MATCHING_NODE, "")
    assert shown(other, Policy(), 99, 0) is other


def test_a_quarantined_node_is_the_last_choice() -> None:
    """However idle it looks; but a Task that fits nowhere else still gets it. When it is over the node is as others."""
    book = ledger(view("a", 0.1), view("b", cpu=None))
    book.quarantine("a", NOW + 60)
    assert chosen(place(request(), book.snapshot(Policy(), NOW))) == "b"
    book.drop_node("b")
    decision = place(request(), book.snapshot(Policy(), NOW))
    assert isinstance(decision, Placed)
    assert decision.score is not None
    assert decision.score.node_class is NodeClass.QUARANTINED
    after = place(request(), book.snapshot(Policy(), NOW + 61))
    assert isinstance(after, Placed)
    assert after.score is not None
    assert after.score.node_class is not NodeClass.QUARANTINED


def test_kube_scheduler_is_left_the_choice() -> None:
    """The strategy KubeScheduler pins nothing, but still waits for a node that can take it."""
    own = request(strategy=Strategy.KUBE_SCHEDULER)
    assert chosen(place(own, snapshot(view("a")))) is None
    assert isinstance(place(own, snapshot(view("a", unschedulable=True))), Unplaced)


def test_tolerations_follow_kubernetes() -> None:
    """Key, value and effect compare as kube-scheduler compares them; an empty key with Exists takes all."""
    assert tolerates((Toleration(operator="Exists"),), taint())
    assert tolerates((Toleration(key="k"),), taint())
    assert not tolerates((Toleration(key="k", effect="NoExecute"),), taint())
    assert not tolerates((Toleration(key="other", operator="Exists"),), taint())


@given(
    loads=st.lists(st.one_of(st.none(), st.floats(0, 1.5)), min_size=1, max_size=6),
    used=st.lists(st.integers(0, 4000), min_size=6, max_size=6),
    cpu=st.integers(1, 5000),
)
def test_never_where_it_does_not_fit(loads: list[float | None], used: list[int], cpu: int) -> None:
    """Whatever the loads, a chosen node has room for the request, and there is none only when none has."""
    views = [view(f"n{i}", load, requested={"cpu": used[i]}) for i, load in enumerate(loads)]
    decision = place(request(worker=worker(cpu=cpu)), snapshot(*views))
    fits = {item.node.name for item in views if item.requested["cpu"] + cpu <= 4000}
    assert (chosen(decision) in fits) if fits else isinstance(decision, Unplaced)
