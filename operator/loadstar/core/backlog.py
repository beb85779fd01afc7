"""All Tasks that wait for a node and all that hold one, in the order in which the waiting ones are to be asked.

Kept up to date change by change, like the ledger: nothing is sorted when a cycle begins. Tenants take turns by dominant
share and weight, so do the namespaces of a tenant and the queues of a namespace; in a queue its ordering holds. A line
(Tasks of one queue and one form) that found no node is parked, so that the next one is asked, and a cycle in which
nothing can be placed costs the same for ten Tasks and for 100,000.

Whether there is a node is `placement`'s to say, through whoever asks line after line: `next`, then `park`, or the Task
holds a node.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

from loadstar.core.branch import NO_LIMITS, SCORE_POINTS, Branch, Household, Lane, Line, QueueName
from loadstar.core.claims import Claim
from loadstar.core.decision import Unplaced
from loadstar.core.limits import exceeded
from loadstar.core.parking import Parking, Room
from loadstar.core.quantity import Quantities
from loadstar.core.queues import DEFAULT_WEIGHT, TaskQueue, Tenant
from loadstar.core.reasons import Reason
from loadstar.core.shares import Capacity
from loadstar.core.template import Template
from loadstar.core.waiting import Key, Waiting

Owner = Callable[[str], Tenant | None]
"""Whose a namespace is; None for nobody's."""


class Backlog:
    """`news`: Tasks whose reason for waiting is another one since somebody took them out of here.

    `kept`: claims on nodes of Tasks that wait for room.
    """

    def __init__(self, owner: Owner = lambda _: None) -> None:
        self.capacity = Capacity()
        self.news: dict[Key, None] = {}
        self.kept: dict[Key, Claim] = {}
        self._owner = owner
        self._root = Branch("", None)
        self._namespaces: dict[str, Branch] = {}
        self._lanes: dict[QueueName, Lane] = {}
        self._specs: dict[QueueName, TaskQueue] = {}
        self._waiting: dict[Key, Waiting] = {}
        self._holding: dict[Key, tuple[Lane, Quantities]] = {}
        self._parking = Parking()
        self._scored: set[Lane] = set()
        self._turned: dict[Lane, None] = {}
        self._stale = False

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, key: object) -> bool:
        return key in self._waiting

    def __iter__(self) -> Iterator[Key]:
        """Those that wait, in no order."""
        return iter(self._waiting)

    def waiting(self, key: Key) -> Waiting:
        """One that waits. Raises KeyError."""
        return self._waiting[key]

    def put(self, one: Waiting) -> None:
        """Take in a Task that waits, or what has changed of it; one that holds a node holds it no more."""
        known = self._waiting.get(one.key)
        if known == one:
            return
        if known is not None and (known.queue, known.form) != (one.queue, one.form):
            self.drop(one.key)
        lane = self._lane((one.key[0], one.queue))
        line = lane.lines.get(one.form)
        fresh = line is None
        if line is None:
            line = lane.lines[one.form] = Line(lane, one.form)
        self._waiting[one.key] = one
        line.put(one, one.place(lane.rules))
        if fresh:
            lane.open.push(line, line.rank(lane.rules))
            lane.lift(self.capacity)
        elif not line.parked and line in lane.open:
            lane.open.change_priority(line, line.rank(lane.rules))
        if known is None:
            if line.told is not None:
                self.news[one.key] = None
            self._turned[lane] = None

    def change(self, key: Key, priority: int) -> None:
        """Let another priority count for a Task, if it waits."""
        known = self._waiting.get(key)
        if known is not None and known.priority != priority:
            self.put(replace(known, priority=priority))

    def drop(self, key: Key) -> None:
        """A Task waits no more."""
        lane = self._leave(key)
        if lane is not None:
            lane.lift(self.capacity)
            self._prune(lane)

    def hold(self, key: Key, queue: str, requests: Quantities) -> None:
        """A Task holds a node, or is to, and requests this there: it waits no more."""
        self.release(key)
        before = self._leave(key)
        lane = self._lane((key[0], queue))
        self._holding[key] = lane, requests
        self._count(lane, requests, 1)
        if before is not None and before is not lane:
            before.lift(self.capacity)
            self._prune(before)

    def release(self, key: Key) -> None:
        """A Task holds no node any more."""
        lane, requests = self._holding.pop(key, (None, {}))
        if lane is not None:
            self._count(lane, requests, -1)
            self._prune(lane)

    def holds(self, key: Key, queue: str) -> bool:
        """True when this Task is counted as holding a node, out of this queue."""
        known = self._holding.get(key)
        return known is not None and known[0].name == queue

    def clear(self) -> None:
        """Nobody waits: who does will say so."""
        for key in list(self._waiting):
            self.drop(key)

    def put_queue(self, spec: TaskQueue) -> None:
        """Take in what a TaskQueue says now."""
        key = (spec.namespace, spec.name)
        self._specs[key] = spec
        self._respecify(key)

    def drop_queue(self, key: QueueName) -> None:
        """A TaskQueue is gone."""
        if self._specs.pop(key, None) is not None:
            self._respecify(key)

    def rehome(self, *names: str) -> None:
        """These namespaces, or all, may be another tenant's now, or their tenants' weights and limits others."""
        for name in names or tuple(self._namespaces):
            if name in self._namespaces:
                self._adopt(name, self._namespaces[name])

    def put_node(self, name: str, allocatable: Quantities) -> None:
        """Take in what a node offers."""
        self._stale |= self.capacity.put(name, allocatable)

    def drop_node(self, name: str) -> None:
        """A node is gone."""
        self._stale |= self.capacity.drop(name)

    def begin(self, room: Callable[[Template], Room]) -> None:
        """Begin a cycle: what may find room now is to be asked again, and scores are to be found anew."""
        for line in self._parking.back(room):
            self._unpark(line)
        if self._stale:
            self._stale = False
            self._lift_all(self._root)
        for lane in self._scored:
            for line in list(lane.open):
                line.score = 0.0
                lane.open.change_priority(line, line.rank(lane.rules))

    def next(self) -> Line | None:
        """The line whose first Task is to be asked next; None when there is nobody to ask."""
        node = self._root
        while not isinstance(node, Lane):
            if not len(node.open):
                return None
            node = node.open.peek()
        line: Line = node.open.peek()
        return line

    def weigh(self, line: Line, score: float) -> bool:
        """Where the queue goes by scores, take in that of the line's best node: True when it is still the first.

        Nodes only fill during a cycle, so a score that was found earlier is none too high: the line that is first by
        the latest of these is so by what they are now.
        """
        lane = line.lane
        if not lane.by_score:
            return True
        line.score = score * SCORE_POINTS
        lane.open.change_priority(line, line.rank(lane.rules))
        return lane.open.peek() is line

    def over(self, line: Line, requests: Quantities) -> bool:
        """True when a Task of the line that requests this would exceed a limit: it is parked until that may change."""
        for node in line.lane.path():
            if not node.limits.requests:
                continue
            verdict = exceeded(node.limits, node.held, node.title, node.reason, requests)
            if verdict is not None:
                node.limited.add(line)
                self._aside(line, verdict)
                return True
        return False

    def barred(self, key: Key, requests: Quantities) -> Unplaced | None:
        """What but want of room keeps a Task that waits and requests this; None when nothing does."""
        for node in self.line(key).lane.path():
            found = node.block or exceeded(node.limits, node.held, node.title, node.reason, requests)
            if found is not None:
                return found
        return None

    def reasons(self) -> Counter[str]:
        """How many wait for which reason, those that nobody has asked yet as Queued."""
        counts: Counter[str] = Counter()
        for lane in self._lanes.values():
            for line in lane.lines.values():
                answer = line.answer
                counts[Reason.QUEUED if answer is None else answer.reason] += len(line)
        return counts

    def ahead(self, key: Key) -> list[Key]:
        """The Tasks of the same queue that are asked before this one while all find room, the first one first."""
        lane = self.line(key).lane
        place = self._waiting[key].place(lane.rules)
        places = ((line.order.priority(other), other) for line in lane.lines.values() for other in line.order)
        return [other for before, other in sorted(places) if before < place]

    def park(self, line: Line, verdict: Unplaced, template: Template) -> None:
        """There is no node for the line's Tasks: it is not asked again until there may be."""
        self._aside(line, verdict)
        self._parking.add(line, template)

    def explain(self, line: Line, verdict: Unplaced) -> None:
        """Why there is none, in words that are true now."""
        line.verdict = verdict
        self._turned[line.lane] = None

    def announce(self) -> None:
        """Put all into `news` whose reason is not the one that was last said of them."""
        for lane in self._turned:
            for line in lane.lines.values():
                answer = line.answer
                if answer is not None and answer.reason is not line.told:
                    line.told = answer.reason
                    self.news.update(dict.fromkeys(line.order))
        self._turned.clear()

    def parked(self) -> Iterator[Line]:
        """All lines for which there is no node now."""
        return iter(self._parking)

    def verdict(self, key: Key) -> Unplaced | None:
        """Why a Task that waits has no node; None when that is not known yet, or it does not wait."""
        one = self._waiting.get(key)
        if one is None:
            return None
        answer = self._lanes[key[0], one.queue].lines[one.form].answer
        if answer is not None and key in self.kept and answer.reason is Reason.WAITING_FOR_CAPACITY:
            return replace(answer, message=f"{answer.message}; {self.kept[key].node} is kept for it until it fits")
        return answer

    def line(self, key: Key) -> Line:
        """The line of a Task that waits. Raises KeyError."""
        one = self._waiting[key]
        return self._lanes[key[0], one.queue].lines[one.form]

    def lane(self, key: QueueName) -> Lane | None:
        """A queue in which somebody waits or of which somebody holds a node."""
        return self._lanes.get(key)

    def lanes(self) -> Iterator[Lane]:
        """All such queues."""
        return iter(self._lanes.values())

    def _aside(self, line: Line, verdict: Unplaced) -> None:
        lane = line.lane
        self.explain(line, verdict)
        line.parked = True
        lane.open.remove(line)
        lane.lift(self.capacity)

    def _unpark(self, line: Line) -> None:
        """Let it be asked again, where anybody is in it."""
        if not line.parked:
            return
        line.parked = False
        self._parking.discard(line)
        for node in line.lane.path():
            node.limited.discard(line)
        if len(line):
            line.lane.open.push(line, line.rank(line.lane.rules))
            line.lane.lift(self.capacity)

    def _leave(self, key: Key) -> Lane | None:
        """Take a Task out of its line; its lane, if it waited, which is to be lifted."""
        one = self._waiting.pop(key, None)
        if one is None:
            return None
        self.news.pop(key, None)
        lane = self._lanes[key[0], one.queue]
        line = lane.lines[one.form]
        line.drop(key)
        if len(line):
            if line in lane.open:
                lane.open.change_priority(line, line.rank(lane.rules))
            return lane
        del lane.lines[one.form]
        self._unpark(line)
        if line in lane.open:
            lane.open.remove(line)
        return lane

    def _count(self, lane: Lane, requests: Quantities, sign: int) -> None:
        """Count what is held, all the way up, and let follow what does."""
        for node in lane.path():
            if node.count(requests, sign):
                self._review(node)
            if sign < 0 and node.limited:
                for line in list(node.limited):
                    self._unpark(line)
            node.lift(self.capacity)

    def _review(self, node: Branch) -> None:
        """What keeps all of a branch waiting may have changed."""
        before, node.block = node.block, node.why_blocked()
        if (before.reason if before else None) != (node.block.reason if node.block else None):
            self._turned.update(dict.fromkeys(node.lanes()))
            node.lift(self.capacity)

    def _respecify(self, key: QueueName) -> None:
        """Queues of one namespace name each other in what they say, so all are looked at."""
        namespace = self._namespaces.get(key[0])
        lane = self._lanes.get(key)
        if lane is not None:
            before = lane.rules
            lane.specify(self._specs.get(key))
            if (before.ordering, before.aging_seconds) != (lane.rules.ordering, lane.rules.aging_seconds):
                self._reorder(lane)
            for line in list(lane.limited):
                self._unpark(line)
        for sibling in namespace.lanes() if namespace is not None else ():
            self._review(sibling)
            sibling.lift(self.capacity)

    def _reorder(self, lane: Lane) -> None:
        (self._scored.add if lane.by_score else self._scored.discard)(lane)
        for line in lane.lines.values():
            line.score = 0.0
            for key in list(line.order):
                line.put(self._waiting[key], self._waiting[key].place(lane.rules))
            if line in lane.open:
                lane.open.change_priority(line, line.rank(lane.rules))

    def _lane(self, key: QueueName) -> Lane:
        lane = self._lanes.get(key)
        if lane is None:
            namespace = self._namespaces.get(key[0])
            if namespace is None:
                namespace = self._namespaces[key[0]] = Branch(key[0], None)
                self._adopt(key[0], namespace)
            lane = self._lanes[key] = Lane(key, namespace, self._specs.get(key))
            namespace.children[key[1]] = lane
            if lane.by_score:
                self._scored.add(lane)
        return lane

    def _adopt(self, name: str, branch: Branch) -> None:
        """Put a namespace under the tenant whose it is now."""
        tenant = self._owner(name)
        # No name of a tenant begins with a slash, so that a namespace of nobody is never taken for one.
        title, own = (f"/{name}", True) if tenant is None else (tenant.name, False)
        house: Household = self._root.children.get(title) or Household(name if own else title, self._root, own=own)
        self._root.children[title] = house
        house.weight = DEFAULT_WEIGHT if tenant is None else tenant.weight
        house.limits = NO_LIMITS if tenant is None else tenant.limits
        if branch.parent is not house:
            if branch.parent is not None:
                self._part(branch, branch.parent)
            branch.parent = house
            house.children[name] = branch
            house.held.add(branch.held.requests, 1, branch.held.tasks)
        for line in list(house.limited):
            self._unpark(line)
        self._review(house)
        branch.lift(self.capacity)
        house.lift(self.capacity)

    def _part(self, branch: Branch, house: Branch) -> None:
        del house.children[branch.name]
        house.held.add(branch.held.requests, -1, branch.held.tasks)
        if branch in house.open:
            house.open.remove(branch)
        for line in list(house.limited):
            self._unpark(line)
        self._review(house)
        house.lift(self.capacity)
        if not house.children:
            self._root.children = {name: child for name, child in self._root.children.items() if child is not house}

    def _prune(self, lane: Lane) -> None:
        """Forget a queue in which nobody waits and of which nobody holds a node."""
        if lane.lines or lane.held.tasks or lane.parent is None:
            return
        namespace = lane.parent
        del self._lanes[lane.key], namespace.children[lane.name]
        self._scored.discard(lane)
        self._turned.pop(lane, None)
        if not namespace.children and namespace.parent is not None:
            del self._namespaces[namespace.name]
            self._part(namespace, namespace.parent)

    def _lift_all(self, node: Branch) -> None:
        """All shares are others than they were."""
        for child in node.children.values():
            self._lift_all(child)
            child.lift(self.capacity)
