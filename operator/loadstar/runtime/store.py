"""The one in-memory view of the cluster. Observers and the writer's echo change it; everybody else reads.

A change answers with the keys of the Tasks it concerns, so that the caller can queue them. Nothing here decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final, TypeAlias

from loadstar.core.model import Load, Node, Phase, Pod, Policy, Task
from loadstar.core.placement import Decision, Placed
from loadstar.core.quantity import PODS, Quantities
from loadstar.core.reconcile import Refusal, View
from loadstar.core.snapshot import NodeView, Snapshot, reservation
from loadstar.core.states import State
from loadstar.core.template import resolve

Key: TypeAlias = tuple[str, str]
"""(namespace, name) of a Task."""

NOTHING: Final[tuple[Key, ...]] = ()


def newer(candidate: str, known: str) -> bool:
    """True when resourceVersion `candidate` is not older than `known`; versions that are no numbers count as newer."""
    if candidate.isdecimal() and known.isdecimal():
        return int(candidate) >= int(known)
    return True


class Store:
    """Tasks, our Pods, other Pods' requests, nodes, loads and the policy, with the indexes that decisions need."""

    def __init__(self) -> None:
        self.tasks: dict[Key, Task] = {}
        self.nodes: dict[str, Node] = {}
        self.loads: dict[str, Load] = {}
        self.policy = Policy()
        self.decisions: dict[Key, Decision] = {}
        self.pending: set[Key] = set()
        self._keys: dict[str, Key] = {}
        self._pods: dict[str, dict[str, Pod]] = {}
        self._others: dict[str, tuple[str, Quantities]] = {}
        self._refusals: dict[Key, Refusal] = {}

    def apply_task(self, task: Task) -> tuple[Key, ...]:
        """Take in a Task unless a newer one is known. A new uid under an old name replaces all that was known."""
        known = self.tasks.get(task.key)
        if known is not None and known.uid != task.uid:
            self.remove_task(known.key, known.uid)
            known = None
        if known is not None and not newer(task.resource_version, known.resource_version):
            return NOTHING
        self.tasks[task.key] = task
        self._keys[task.uid] = task.key
        if task.status.state is not State.PENDING or task.deleting:
            self.pending.discard(task.key)
            self.decisions.pop(task.key, None)
        if task.status.state.terminal:
            self._refusals.pop(task.key, None)
        return (task.key,)

    def remove_task(self, key: Key, uid: str) -> None:
        """Forget a Task that is gone; another Task under the same name stays."""
        known = self.tasks.get(key)
        if known is None or known.uid != uid:
            return
        del self.tasks[key]
        self._keys.pop(uid, None)
        self.pending.discard(key)
        self.decisions.pop(key, None)
        self._refusals.pop(key, None)

    def apply_pod(self, pod: Pod) -> tuple[Key, ...]:
        """Take in one of our Pods unless a newer one is known; a `gone` one stays as the memory of its end."""
        pods = self._pods.setdefault(pod.task_uid, {})
        known = pods.get(pod.uid)
        if known is not None and (known.gone or not newer(pod.resource_version, known.resource_version)):
            return NOTHING
        pods[pod.uid] = pod
        return self._key_of(pod.task_uid)

    def remove_pod(self, pod: Pod) -> tuple[Key, ...]:
        """One of our Pods has disappeared; what was last seen of it is kept while its attempt is open."""
        pods = self._pods.get(pod.task_uid, {})
        key = self._key_of(pod.task_uid)
        task = self.tasks.get(key[0]) if key else None
        if task is None or pod.attempt < task.status.attempt or task.status.state.terminal:
            pods.pop(pod.uid, None)
            if not pods:
                self._pods.pop(pod.task_uid, None)
        else:
            self._pods.setdefault(pod.task_uid, {})[pod.uid] = replace(pod, gone=True)
        return key

    def our_pods(self) -> Iterator[Pod]:
        """Every Pod of ours that was not seen to disappear."""
        for pods in self._pods.values():
            for pod in pods.values():
                if not pod.gone:
                    yield pod

    def apply_other(self, uid: str, node: str, requests: Quantities) -> None:
        """A live Pod of somebody else that takes room on a node."""
        self._others[uid] = (node, requests)

    def remove_other(self, uid: str) -> None:
        """Somebody else's Pod has ended or is gone."""
        self._others.pop(uid, None)

    def apply_loads(self, loads: Mapping[str, Load]) -> None:
        """Take in samples; a node that is missing keeps its last one, which ages."""
        for name, load in loads.items():
            known = self.loads.get(name)
            if known is None or load.timestamp >= known.timestamp:
                self.loads[name] = load

    def apply_node(self, node: Node) -> tuple[Key, ...]:
        """Take in a Node; returns the Tasks on it when its readiness changed."""
        known = self.nodes.get(node.name)
        self.nodes[node.name] = node
        if known is None or known.ready == node.ready:
            return NOTHING
        return self._tasks_on(node.name)

    def remove_node(self, name: str) -> tuple[Key, ...]:
        """A Node has disappeared."""
        self.nodes.pop(name, None)
        self.loads.pop(name, None)
        return self._tasks_on(name)

    def decide(self, key: Key, decision: Decision | None) -> None:
        """Keep (or forget) what the last placement cycle said about a Task."""
        if decision is None:
            self.decisions.pop(key, None)
        else:
            self.decisions[key] = decision

    def refuse(self, key: Key, refusal: Refusal) -> None:
        """Keep the API server's refusal of an attempt's Pod."""
        self._refusals[key] = refusal

    def view(self, key: Key) -> View | None:
        """What is known of one Task now."""
        task = self.tasks.get(key)
        if task is None:
            return None
        node = self.nodes.get(task.status.assigned_to)
        return View(
            task=task,
            policy=self.policy,
            pods=tuple(self._pods.get(task.uid, {}).values()),
            decision=self.decisions.get(key),
            refusal=self._refusals.get(key),
            node_ready=node is None or node.ready,
        )

    def settle(self, key: Key) -> None:
        """After an attempt was closed: forget the Pods that were kept only as the memory of their end."""
        task = self.tasks.get(key)
        if task is None or not (task.status.state.terminal or task.status.state is State.PENDING):
            return
        self._refusals.pop(key, None)
        pods = self._pods.get(task.uid, {})
        for uid in [uid for uid, pod in pods.items() if pod.gone]:
            del pods[uid]

    def snapshot(self, now: float) -> Snapshot:
        """All nodes with their load, what is requested of them, and what ours add to the sample."""
        views = {name: NodeView(node, self.loads.get(name)) for name, node in self.nodes.items()}
        for node, requests in self._others.values():
            if view := views.get(node):
                _count(view, requests)
        placed: set[str] = set()
        for pod in self.our_pods():
            if pod.ended:
                continue
            placed.add(pod.task_uid)
            node = pod.node or self._assigned_to(pod.task_uid)
            if view := views.get(node):
                _count(view, pod.requests)
                started = pod.started if pod.phase is not Phase.PENDING else None
                view.reservations.append(reservation(pod.task_uid, pod.requests, started))
        for key, decision in self.decisions.items():
            self._promise(views, key, decision.node if isinstance(decision, Placed) else None)
        for task in self._assigned_without_pod(placed):
            self._promise(views, task.key, task.status.assigned_to)
        return Snapshot(views, self.policy, now)

    def _assigned_without_pod(self, placed: set[str]) -> Iterable[Task]:
        return (t for t in self.tasks.values() if t.status.state is State.ASSIGNED and t.uid not in placed)

    def _promise(self, views: dict[str, NodeView], key: Key, node: str | None) -> None:
        task = self.tasks.get(key)
        view = views.get(node or "")
        template = resolve(task, self.policy) if task else None
        if task and view and template:
            view.assume(task.uid, template.worker.requests)

    def _assigned_to(self, task_uid: str) -> str:
        key = self._keys.get(task_uid)
        task = self.tasks.get(key) if key else None
        return task.status.assigned_to if task else ""

    def _key_of(self, task_uid: str) -> tuple[Key, ...]:
        key = self._keys.get(task_uid)
        return (key,) if key else NOTHING

    def _tasks_on(self, node: str) -> tuple[Key, ...]:
        return tuple(key for key, task in self.tasks.items() if task.status.assigned_to == node)


def _count(view: NodeView, requests: Quantities) -> None:
    for name, value in requests.items():
        view.requested[name] = view.requested.get(name, 0) + value
    view.requested[PODS] = view.requested.get(PODS, 0) + 1
