"""The one in-memory view of the cluster. Observers and the writer's echo change it; everybody else reads.

A change answers with the keys of the Tasks it concerns, so that the caller can queue them. Nothing here decides; what
the nodes hold is the ledger's, which this keeps in step.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final, TypeAlias

from loadstar.core.classes import Use, class_of
from loadstar.core.ledger import Ledger
from loadstar.core.model import Load, Node, Pod, Strategy, Task
from loadstar.core.naming import pod_name
from loadstar.core.nodes import Charge
from loadstar.core.placement import Placed
from loadstar.core.policy import Policy
from loadstar.core.quantity import Quantities
from loadstar.core.quarantine import Quarantine
from loadstar.core.snapshot import Snapshot
from loadstar.core.states import State
from loadstar.core.template import assigned, resolve
from loadstar.core.view import NodeState, Refusal, View, state_of
from loadstar.runtime import charges
from loadstar.runtime.choices import Choices
from loadstar.runtime.dependents import Dependents
from loadstar.runtime.essence import essence, stripped
from loadstar.runtime.orphans import Orphans
from loadstar.runtime.preemptions import Preemptions
from loadstar.runtime.profiles import Profiles
from loadstar.runtime.queues import Queues
from loadstar.runtime.waitlist import Waitlist

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
        self.policy = Policy()
        self.queues = Queues()
        self.dependents = Dependents(self.tasks.get, self._rank)
        self.waitlist = Waitlist(self.queues, self.dependents.graph.priority)
        self.decisions: dict[Key, Placed] = {}
        self.preemptions = Preemptions()
        self._ledger = Ledger()
        self._keys: dict[str, Key] = {}
        self._pods: dict[str, dict[str, Pod]] = {}
        self._owners: dict[str, str] = {}
        self._orphans = Orphans()
        self._refusals: dict[Key, Refusal] = {}
        self._lost_nodes: set[str] = set()
        self.profiles = Profiles()
        self._choices = Choices()
        self._quarantine = Quarantine()

    def apply_task(self, task: Task) -> tuple[Key, ...]:
        """Take in a Task unless a newer one is known. A new uid under an old name replaces all that was known."""
        known = self.tasks.get(task.key)
        if known is not None and known.uid != task.uid:
            self.remove_task(known.key, known.uid)
            known = None
        if known is not None and not newer(task.resource_version, known.resource_version):
            return NOTHING
        self._judge(task)
        self.queues.follow(known, task)
        full = task
        if task.status.state.terminal:
            task = essence(task)
            pods = self._pods.get(task.uid, {})
            pods.update((uid, stripped(pod)) for uid, pod in pods.items())
        if task.status.state is not State.ASSIGNED:
            # An attempt that was refused gives its number back: its refusal must not meet the next one.
            self._refusals.pop(task.key, None)
        self.tasks[task.key] = task
        self._keys[task.uid] = task.key
        self._orphans.discard(task.key, task.uid)
        if task.status.state is not State.PENDING or task.deleting or task.suspend or task.cancel:
            self.decisions.pop(task.key, None)
        self.preemptions.follow(task)
        self._promise(task)
        self.dependents.apply(full)
        return (task.key,)

    def remove_task(self, key: Key, uid: str) -> None:
        """Forget a Task that is gone; another Task under the same name stays."""
        known = self.tasks.get(key)
        if known is None or known.uid != uid:
            return
        del self.tasks[key]
        self._keys.pop(uid, None)
        self.waitlist.forget(key)
        self.preemptions.forget(key)
        self.decisions.pop(key, None)
        self._refusals.pop(key, None)
        self._choices.forget(key)
        self._ledger.drop(uid)
        pods = self._pods.get(uid, {})
        for pod in [pod for pod in pods.values() if pod.gone]:
            self._forget(pod)
        if uid in self._pods:
            self._orphans.add(key, uid)
        self.dependents.remove(key, uid)

    def knows_task(self, key: Key, uid: str, resource_version: str) -> bool:
        """True when exactly this version of the Task is known: an echo of our own write."""
        known = self.tasks.get(key)
        return known is not None and known.uid == uid and known.resource_version == resource_version

    def apply_pod(self, pod: Pod, *, confirmed: bool = False) -> tuple[Key, ...]:
        """Take in a Pod with our marks unless a newer one is known; a `gone` one stays as the memory of its end.

        One whose marks were altered is ours only if it was known before or was read by its name (`confirmed`).
        """
        owner = self._owners.get(pod.uid)
        if owner is not None and owner != pod.task_uid:
            pod = replace(pod, task_uid=owner, altered=True)
        if pod.altered and owner is None and not confirmed:
            self.apply_other(pod.uid, "" if pod.ended else pod.node, pod.requests)
            return NOTHING
        pods = self._pods.get(pod.task_uid, {})
        known = pods.get(pod.uid)
        if known is not None and (not known.gone or not confirmed):
            # A live read brings back what only seemed gone; but its answer may come after a newer event.
            if known.gone or not newer(pod.resource_version, known.resource_version):
                return NOTHING
            if known.deleting and not pod.deleting and pod.resource_version == known.resource_version:
                pod = replace(pod, deleting=True)
        self._keep(pod)
        return self._key_of(pod)

    def remove_pod(self, uid: str, last: Pod | None = None) -> tuple[Key, ...]:
        """A Pod with our marks has disappeared; what was last seen of it is kept while its attempt is open."""
        self._ledger.drop(uid)
        owner = self._owners.get(uid)
        known = self._pods.get(owner or "", {}).get(uid)
        if known is None:
            return NOTHING
        if last is not None and newer(last.resource_version, known.resource_version):
            known = replace(last, task_uid=known.task_uid, deleting=last.deleting or known.deleting)
        key = self._key_of(known)
        task = self.tasks.get(key[0]) if key else None
        if task is None or task.uid != owner or known.attempt < task.status.attempt or task.status.state.terminal:
            self._forget(known)
        else:
            self._keep(replace(known, gone=True))
        return key

    def lose_pod(self, pod: Pod) -> tuple[Key, ...]:
        """It is certain that the Pod does not exist any more."""
        self._keep(replace(pod, gone=True, confirmed=True))
        return self._key_of(pod)

    def orphans(self, key: Key) -> tuple[Pod, ...]:
        """Our Pods of Tasks that once had this name and are not known any more."""
        uids = self._orphans.uids(key)
        return tuple(pod for uid in uids for pod in self._pods.get(uid, {}).values() if not pod.gone)

    def orphan_keys(self) -> list[Key]:
        """Names under which there are orphans."""
        return self._orphans.keys()

    def our_pods(self) -> Iterator[Pod]:
        """Every Pod of ours that was not seen to disappear."""
        for pods in self._pods.values():
            for pod in pods.values():
                if not pod.gone:
                    yield pod

    def expected_end(self, pod: Pod) -> float | None:
        """When the Task of this Pod is expected to end."""
        task = self.tasks.get(self._keys.get(pod.task_uid, ("", "")))
        return None if task is None or task.status.attempt != pod.attempt else task.status.expected_end

    def apply_other(self, uid: str, node: str, requests: Quantities) -> None:
        """A live Pod of somebody else that takes room on a node."""
        if node:
            self._ledger.put(uid, Charge(node, requests))
        else:
            self._ledger.drop(uid)

    def remove_other(self, uid: str) -> None:
        """Somebody else's Pod has ended or is gone."""
        self._ledger.drop(uid)

    def apply_loads(self, loads: Mapping[str, Load]) -> None:
        """Take in samples; a node or a resource that is missing keeps its last one, which ages."""
        self._ledger.put_loads(loads)

    def forget_samples(self, resources: Collection[str]) -> None:
        """Nothing measures these fields of `Load` any more."""
        self._ledger.forget_samples(resources)

    def apply_uses(self, uses: Mapping[tuple[str, str], Use]) -> None:
        """Take in what our Pods were measured to use, by namespace and name: it teaches what their classes use."""
        known: dict[str, tuple[str, Use]] = {}
        for pods in self._pods.values():
            for pod in pods.values():
                use = uses.get((pod.namespace, pod.name))
                if use is not None:
                    self.profiles.measured(pod, use)
                key = self._keys.get(pod.task_uid)
                task = self.tasks.get(key) if use is not None and key is not None else None
                template = resolve(task, self.policy) if task is not None else None
                if use is not None and template is not None:
                    known[pod.uid] = class_of(template.worker), use
        self._ledger.put_uses(known)

    def apply_node(self, node: Node) -> tuple[Key, ...]:
        """Take in a Node; returns the Tasks on it when its state changed."""
        known = self.nodes.get(node.name)
        self.nodes[node.name] = node
        self._ledger.put_node(node)
        self.waitlist.backlog.put_node(node.name, node.allocatable)
        returned = node.name in self._lost_nodes
        self._lost_nodes.discard(node.name)
        if not returned and (known is None or state_of(known) is state_of(node)):
            return NOTHING
        return self._tasks_on(node.name)

    def remove_node(self, name: str) -> tuple[Key, ...]:
        """A Node has disappeared."""
        self.nodes.pop(name, None)
        self._ledger.drop_node(name)
        self.waitlist.backlog.drop_node(name)
        keys = self._tasks_on(name)
        if keys:
            self._lost_nodes.add(name)
        return keys

    def decide(self, key: Key, decision: Placed | None) -> None:
        """Keep (or forget) the node that a Task is to have; why others have none is the waitlist's to know."""
        if decision is None:
            self.decisions.pop(key, None)
        else:
            self.decisions[key] = decision
            self._choices.note(key, decision)
            if decision.node and decision.strategy is Strategy.ROUND_ROBIN:
                self._ledger.serve(decision.node)
        if task := self.tasks.get(key):
            self._promise(task)

    def live_pod(self, task: Task) -> Pod | None:
        """The Pod of the open attempt, where it has a node and goes on."""
        pods = self._pods.get(task.uid, {}).values()
        fits = (pod for pod in pods if pod.attempt == task.status.attempt and pod.node)
        return next((pod for pod in fits if not (pod.ended or pod.deleting)), None)

    def refuse(self, key: Key, refusal: Refusal) -> None:
        """Keep the API server's refusal of an attempt's Pod."""
        self._refusals[key] = refusal

    def view(self, key: Key) -> View | None:
        """What is known of one Task now. Pods count by their fixed names: a label alone makes no Pod ours."""
        task = self.tasks.get(key)
        if task is None:
            return None
        pods = tuple(pod for pod in self._pods.get(task.uid, {}).values() if _is_of(pod, task))
        state, since = self._node_of(task, pods)
        preemptor, making = self.preemptions.against(task), self.preemptions.of(key)
        usage, takes = self.profiles.outlook(task, pods, self.policy)
        return View(
            task=task,
            policy=self.policy,
            pods=pods,
            decision=self.decisions.get(key) or self.waitlist.backlog.verdict(key),
            refusal=self._refusals.get(key),
            node_state=state,
            node_since=since,
            others=self._choices.others(task),
            preemptor=preemptor.words if preemptor is not None and preemptor.key in self.waitlist else "",
            room=making.room if making is not None else "",
            usage=usage,
            takes=takes,
            needs=self.dependents.graph.needs(key),
            needed=self.dependents.graph.needed(key),
        )

    def node_of(self, key: Key, *, now: bool) -> str:
        """Where a Task is or will be; else, unless only `now` is asked for, where it was last. Empty when nowhere."""
        task = self.tasks.get(key)
        if task is None:
            return ""
        decision = self.decisions.get(key)
        if task.status.state is State.PENDING and decision is not None:
            return decision.node or ""
        if task.status.state in {State.ASSIGNED, State.RUNNING} or not now:
            return task.status.assigned_to or (task.status.attempts[-1].node if task.status.attempts else "")
        return ""

    @property
    def unpinned(self) -> int:
        """How many Pods there are, or will be, that are left to kube-scheduler and run nowhere yet."""
        return self._choices.unpinned

    def settle(self, key: Key) -> None:
        """After an attempt was closed: forget the Pods that were kept only as the memory of their end."""
        task = self.tasks.get(key)
        if task is None or not (task.status.state.terminal or task.status.state is State.PENDING):
            return
        self._refusals.pop(key, None)
        for pod in [pod for pod in self._pods.get(task.uid, {}).values() if pod.gone]:
            self._forget(pod)

    def snapshot(self, now: float) -> Snapshot:
        """All nodes with their load, what is requested of them, and what ours add to the sample."""
        return self._ledger.snapshot(self.policy, now)

    def claim(self, identity: str, node: str, requests: Quantities) -> None:
        """Keep room on a node for a Task that is not to go there yet."""
        self._ledger.put(identity, Charge(node, requests))

    def unclaim(self, identity: str) -> None:
        """It is kept no more."""
        self._ledger.drop(identity)

    def ours(self, node: str) -> Quantities:
        """What our Pods on a node request."""
        return self._ledger.ours(node)

    def quarantine(self, node: str, until: float) -> None:
        """Somebody who knows all Tasks says that this node is quarantined."""
        self._ledger.quarantine(node, until)

    def _keep(self, pod: Pod) -> None:
        if pod.gone and pod.disowned:
            self._forget(pod)
            return
        key = self._keys.get(pod.task_uid)
        task = self.tasks.get(key) if key else None
        if task is not None and task.status.state.terminal:
            pod = stripped(pod)
        self._pods.setdefault(pod.task_uid, {})[pod.uid] = pod
        self._owners[pod.uid] = pod.task_uid
        if task is None:
            self._orphans.add((pod.namespace, pod.task_name), pod.task_uid)
        node = pod.node or (task.status.assigned_to if task else "")
        template = resolve(task, self.policy) if task is not None else None
        if task is not None and template is not None:
            self.profiles.followed(pod, task, template)
            template = assigned(template, task.status)
        if pod.ended and pod.finished is not None and pod.node:
            # Seen for the first time, it may still be in the samples: so it is after a restart as it was before.
            self._ledger.put(pod.uid, charges.of_pod(pod, node, template, self._ledger))
            self._ledger.end(pod.uid, pod.finished)
        elif pod.ended or not node:
            self._ledger.drop(pod.uid)
        else:
            self._ledger.put(pod.uid, charges.of_pod(pod, node, template, self._ledger))
        if task is not None:
            self._promise(task)

    def _rank(self, task: Task) -> None:
        """A Task may have inherited another priority."""
        self.waitlist.change(task.key, self.dependents.graph.priority(task))

    def _forget(self, pod: Pod) -> None:
        self._ledger.drop(pod.uid)
        self.profiles.forget_pod(pod.uid)
        self._owners.pop(pod.uid, None)
        pods = self._pods.get(pod.task_uid, {})
        pods.pop(pod.uid, None)
        if pods:
            return
        self._pods.pop(pod.task_uid, None)
        self._orphans.discard((pod.namespace, pod.task_name), pod.task_uid)

    def _judge(self, task: Task) -> None:
        """Quarantine nodes on which Tasks fail at once."""
        template = resolve(task, self.policy) if task.status.attempts or task.status.state is State.SUCCESS else None
        if template is not None:
            for node, until in self._quarantine.read(task, class_of(template.worker)).items():
                self._ledger.quarantine(node, until)

    def _promise(self, task: Task) -> None:
        """Charge the node for a Pod that is decided on but not there yet; a Pod that is there counts by itself."""
        self._choices.follow(task, self.decisions.get(task.key))
        self.waitlist.follow(task, self.decisions.get(task.key), self.policy)
        node = ""
        if task.status.state is State.PENDING:
            decision = self.decisions.get(task.key)
            node = (decision.node or "") if decision is not None else ""
        elif task.status.state is State.ASSIGNED:
            pods = self._pods.get(task.uid, {}).values()
            node = "" if any(p.attempt == task.status.attempt for p in pods) else task.status.assigned_to
        template = resolve(task, self.policy) if node else None
        if template is None:
            self._ledger.drop(task.uid)
        else:
            charge = charges.of_promise(task, node, template, self.decisions.get(task.key), self._ledger)
            self._ledger.put(task.uid, charge)

    def _node_of(self, task: Task, pods: Iterable[Pod]) -> tuple[NodeState, float | None]:
        """The node of the open attempt's Pod. Only a node that was known before can be known to be gone."""
        bound = next((pod.node for pod in pods if pod.attempt == task.status.attempt and pod.node), "")
        name = bound or task.status.assigned_to
        node = self.nodes.get(name)
        if node is None:
            return (NodeState.GONE if name in self._lost_nodes else NodeState.READY), None
        return state_of(node), node.ready_changed

    def _key_of(self, pod: Pod) -> tuple[Key, ...]:
        key = self._keys.get(pod.task_uid)
        return (key or (pod.namespace, pod.task_name),)

    def _tasks_on(self, node: str) -> tuple[Key, ...]:
        return tuple(
            key
            for key, task in self.tasks.items()
            if (task.status.assigned_to == node and not task.status.state.terminal)
            or any(pod.node == node and not pod.ended for pod in self._pods.get(task.uid, {}).values())
        )


def _is_of(pod: Pod, task: Task) -> bool:
    return pod.namespace == task.namespace and pod.name == pod_name(task.name, task.uid, pod.part, pod.attempt)
