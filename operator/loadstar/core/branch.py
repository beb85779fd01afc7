"""The tree that decides whose turn it is: tenants, their namespaces, the queues of these (lanes), the lines of a queue.

Every branch knows what its Tasks hold and keeps those of its children that have something to ask for in order of what
these hold for their weight, so whose turn it is is found by going down, and a change costs the way up.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Any, Final, TypeAlias

from loadstar.core.decision import Unplaced
from loadstar.core.form import Form
from loadstar.core.limits import reached
from loadstar.core.priority_queue import PriorityQueue
from loadstar.core.quantity import Quantities
from loadstar.core.queues import DEFAULT_QUEUE, DEFAULT_WEIGHT, Limits, Ordering, TaskQueue
from loadstar.core.reasons import Reason
from loadstar.core.shares import Capacity, Held
from loadstar.core.waiting import Key, Place, Waiting

QueueName: TypeAlias = tuple[str, str]
"""(namespace, name) of a queue."""

NO_LIMITS: Final = Limits()
SCORE_POINTS: Final = 1000.0
"""In a LoadAware queue a whole LoadScore counts as much as so many points of priority."""


class Branch:
    """A tenant, or a namespace of one. `open`: its children that have something to ask for, the next one first.

    `block`: what keeps all of it waiting. `limits`: what its Tasks may hold at most; `limited`: lines that ask for
    more than is left of it.
    """

    __slots__ = ("block", "children", "held", "limited", "limits", "name", "open", "parent", "weight")

    def __init__(self, name: str, parent: Branch | None, weight: int = DEFAULT_WEIGHT) -> None:
        self.name = name
        self.parent = parent
        self.weight = weight
        self.held = Held()
        self.open: PriorityQueue[Any] = PriorityQueue()
        self.children: dict[str, Any] = {}
        self.block: Unplaced | None = None
        self.limits = NO_LIMITS
        self.limited: set[Line] = set()

    @property
    def title(self) -> str:
        """What it is called in a sentence."""
        return f"namespace {self.name}"

    @property
    def reason(self) -> Reason:
        """The reason for which Tasks wait that are over its limits."""
        return Reason.QUEUE_LIMIT

    def why_blocked(self) -> Unplaced | None:
        """What keeps all of it waiting now."""
        return reached(self.limits, self.held, self.title, self.reason)

    def count(self, requests: Quantities, sign: int) -> bool:
        """Count a Task in that holds a node, or out; True when what blocks all of it may be another thing now."""
        self.held.add(requests, sign)
        return self.block is not None or self.limits.running is not None

    def path(self) -> Iterator[Branch]:
        """It and all that it belongs to, the root left out."""
        node: Branch = self
        while node.parent is not None:
            yield node
            node = node.parent

    def lanes(self) -> Iterator[Lane]:
        """All queues in it."""
        for child in self.children.values():
            yield from child.lanes()

    def lift(self, capacity: Capacity) -> None:
        """After a change in it: take the right place among its siblings, or none."""
        parent = self.parent
        if parent is None:
            return
        if len(self.open) and self.block is None:
            rank = (capacity.share(self.held) / self.weight, self.name)
            if self in parent.open:
                parent.open.change_priority(self, rank)
                return
            parent.open.push(self, rank)
            if len(parent.open) == 1:
                parent.lift(capacity)
        elif self in parent.open:
            parent.open.remove(self)
            if not len(parent.open):
                parent.lift(capacity)


class Household(Branch):
    """A tenant of the policy; or a namespace that belongs to none, which is one of its own."""

    __slots__ = ("own",)

    def __init__(self, name: str, parent: Branch, *, own: bool) -> None:
        super().__init__(name, parent)
        self.own = own

    @property
    def title(self) -> str:
        """As the policy calls it."""
        return f"namespace {self.name}" if self.own else f"tenant {self.name}"

    @property
    def reason(self) -> Reason:
        """Over the tenant's limits."""
        return Reason.TENANT_LIMIT


class Lane(Branch):
    """A queue: its lines, those first in `open` that may be asked for."""

    __slots__ = ("key", "lines", "rules", "spec")

    def __init__(self, key: QueueName, parent: Branch, spec: TaskQueue | None) -> None:
        super().__init__(key[1], parent)
        self.key = key
        self.lines: dict[Form, Line] = {}
        self.specify(spec)
        self.block = self.why_blocked()

    def specify(self, spec: TaskQueue | None) -> None:
        """Take in what its object says; the defaults hold for one that has none."""
        self.spec = spec
        self.rules = spec or TaskQueue(*self.key)
        self.weight, self.limits = self.rules.weight, self.rules.limits

    @property
    def title(self) -> str:
        """As its object is called."""
        return f"queue {self.name}"

    @property
    def by_score(self) -> bool:
        """True when scores have a say in its order."""
        return self.rules.ordering is Ordering.LOAD_AWARE

    def why_blocked(self) -> Unplaced | None:
        """No object, suspended, or as many Tasks as may run."""
        if self.spec is None and self.name != DEFAULT_QUEUE:
            siblings = (lane for lane in self.parent.lanes() if lane.spec is not None) if self.parent else ()
            known = sorted({DEFAULT_QUEUE, *(lane.name for lane in siblings)})
            text = f"there is no TaskQueue {self.name} in namespace {self.key[0]}; there: {', '.join(known[:20])}"
            return Unplaced(Reason.QUEUE_NOT_FOUND, text)
        if self.rules.suspend:
            return Unplaced(Reason.QUEUE_SUSPENDED, f"queue {self.name} is suspended")
        return super().why_blocked()

    def lanes(self) -> Iterator[Lane]:
        """Itself."""
        yield self


class Line:
    """The Tasks of one form that wait in one queue, by `Waiting.place`: one answer of the placement serves them all.

    `verdict`: why there is no node for any of them, None while that is not known; `explained`: when it was put into
    words; `told`: the reason that its Tasks were last said to wait for. `parked`: it is not to be asked about until
    there may be room; `score`: of its best node, times SCORE_POINTS, where the queue goes by it.
    """

    __slots__ = ("_ages", "_since", "explained", "form", "lane", "order", "parked", "score", "told", "verdict")

    def __init__(self, lane: Lane, form: Form) -> None:
        self.lane = lane
        self.form = form
        self.order: PriorityQueue[Key] = PriorityQueue()
        self._since: dict[Key, float] = {}
        self._ages: list[tuple[float, Key]] = []
        self.verdict: Unplaced | None = None
        self.explained = float("-inf")
        self.told: Reason | None = None
        self.parked = False
        self.score = 0.0

    def __len__(self) -> int:
        return len(self.order)

    def put(self, one: Waiting, place: Place) -> None:
        """Take in a Task, or put one that is in to another place."""
        if one.key in self.order:
            self.order.change_priority(one.key, place)
        else:
            self.order.push(one.key, place)
        if self._since.get(one.key) != one.since:
            self._since[one.key] = one.since
            heappush(self._ages, (one.since, one.key))

    def drop(self, key: Key) -> None:
        """A Task waits no more."""
        self.order.remove(key)
        del self._since[key]

    @property
    def first(self) -> Key:
        """Whose turn it is among them."""
        return self.order.peek()

    @property
    def eldest(self) -> Key:
        """Who has waited longest."""
        # What was noted of Tasks that left since is cleared away when somebody asks, which is seldom.
        while self._since.get(self._ages[0][1]) != self._ages[0][0]:
            heappop(self._ages)
        return self._ages[0][1]

    @property
    def oldest(self) -> float:
        """Since when that one has waited."""
        return self._since[self.eldest]

    @property
    def answer(self) -> Unplaced | None:
        """Why its Tasks wait: what blocks its queue or its tenant, else why there is no node."""
        return next((node.block for node in self.lane.path() if node.block is not None), self.verdict)

    def rank(self, queue: TaskQueue) -> tuple[float, float, str]:
        """Where it stands among the lines of its queue: where its first Task does, further back by its score."""
        place: Place = self.order.priority(self.order.peek())
        if queue.ordering is not Ordering.LOAD_AWARE or not self.score:
            return place
        worth = 1.0 if queue.aging_seconds is None else queue.aging_seconds
        return place[0] + self.score * worth, place[1], place[2]
