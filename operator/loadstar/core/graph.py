"""Who waits for whom: Tasks with dependencies, kept up to date event by event.

Each change costs what it changes: an edge is looked at when it appears and when what it leads to ends. What follows
for a Task is `dependencies`' to say, how a cycle is found `cycles`'. Every change answers with the Tasks for which
something else may follow now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice, repeat
from typing import Final, TypeAlias

from loadstar.core import cycles
from loadstar.core.conditions import depended
from loadstar.core.dependencies import SHOWN, Needs, Seen, kept, mark, read_record, write_record
from loadstar.core.model import Task
from loadstar.core.waiting import Key

Names: TypeAlias = dict[str, None]
"""A set of names that keeps its order."""

_NONE: Final[dict[Key, None]] = {}


@dataclass(slots=True)
class _Waiter:
    """A Task with dependencies that has not ended. `found`: the mark of the Task that a name stands for; a name that is
    in none of the other four is done. `sure`: of the lost ones, those that were looked for; `gone`: done and deleted.
    `passed`: it has had all it waited for, once.
    """

    task: Task
    passed: bool
    found: dict[str, str] = field(default_factory=dict)
    unseen: Names = field(default_factory=dict)
    open: Names = field(default_factory=dict)
    lost: Names = field(default_factory=dict)
    broken: dict[str, Seen] = field(default_factory=dict)
    sure: Names = field(default_factory=dict)
    gone: Names = field(default_factory=dict)

    @property
    def kind(self) -> tuple[bool, ...]:
        """What its verdict depends on."""
        return bool(self.broken), bool(self.lost), bool(self.unseen), bool(self.open)

    @property
    def left(self) -> int:
        """How many are not done."""
        return len(self.unseen) + len(self.open) + len(self.lost) + len(self.broken)

    def key_of(self, name: str) -> Key:
        """Names are those of its own namespace."""
        return self.task.namespace, name

    def done(self, name: str) -> bool:
        """True when this dependency has ended as it must."""
        return name in self.found and not any(name in some for some in (self.open, self.lost, self.broken))


class Graph:
    """`lookup` finds a Task as it is now."""

    def __init__(self, lookup: Callable[[Key], Task | None]) -> None:
        self._lookup = lookup
        self._waiters: dict[Key, _Waiter] = {}
        self._dependents: dict[Key, dict[Key, None]] = {}
        self._closing: dict[Key, tuple[str, ...]] = {}
        self._inherited: dict[Key, int] = {}

    def apply(self, task: Task) -> set[Key]:
        """A Task is new, or has changed; `lookup` finds it already."""
        key, changed = task.key, set[Key]()
        new = False
        if key in self._waiters:
            self._follow(task, changed)
        elif task.dependencies and not (task.status.state.terminal or task.deleting):
            new = self._meet(task, changed)
        for dependent in self._dependents.get(key, _NONE):
            self._see(dependent, task, changed)
        if task.status.state.terminal:
            self._inherited.pop(key, None)
        if new:
            self._close(key, changed)
        return changed

    def remove(self, key: Key, uid: str) -> set[Key]:
        """A Task is gone; `lookup` does not find it any more."""
        changed = set[Key]()
        waiter = self._waiters.get(key)
        if waiter is not None and waiter.task.uid == uid:
            self._leave(key, waiter, changed)
        self._inherited.pop(key, None)
        for dependent in self._dependents.get(key, _NONE):
            other = self._waiters[dependent]
            if other.found.get(key[1]) != mark(uid):
                continue
            if key[1] in other.open:
                del other.open[key[1]]
                other.lost[key[1]] = None
            elif other.done(key[1]):
                other.gone[key[1]] = None
            changed.add(dependent)
        return changed

    def confirm(self, key: Key, name: str) -> None:
        """It is certain that a dependency of this Task, which seemed to be deleted, does not exist any more."""
        waiter = self._waiters.get(key)
        if waiter is not None and name in waiter.lost:
            waiter.sure[name] = None

    def needs(self, key: Key) -> Needs | None:
        """How the dependencies of a Task stand; None when it has none, or has had all it waited for."""
        waiter = self._waiters.get(key)
        if waiter is None or waiter.passed:
            return None
        return Needs(
            total=len(waiter.task.dependencies),
            done=len(waiter.task.dependencies) - waiter.left,
            open=tuple(_seen(waiter, other) for other in self._there(waiter)),
            missing=tuple(islice(waiter.unseen, SHOWN)),
            missing_count=len(waiter.unseen),
            lost=tuple(islice(waiter.sure, SHOWN)),
            doubted=next((name for name in waiter.lost if name not in waiter.sure), ""),
            broken=tuple(islice(waiter.broken.values(), SHOWN)),
            cycle=self._closing.get(key, ()),
            resolved=write_record((waiter.found.get(n), waiter.done(n)) for n in waiter.task.dependencies),
            news=_unwritten(waiter),
        )

    def needed(self, key: Key) -> bool:
        """True while a Task that names this one has not ended."""
        return key in self._dependents

    def marks(self, key: Key) -> dict[str, str]:
        """The marks of the Tasks that a Task's dependencies were, by name, of those that are done."""
        waiter = self._waiters.get(key)
        return {} if waiter is None else {name: which for name, which in waiter.found.items() if waiter.done(name)}

    def priority(self, task: Task) -> int:
        """Its own priority, or the highest among the Tasks that wait for it, directly or not, if that is higher."""
        return max(task.priority, self._inherited.get(task.key, 0))

    def _meet(self, task: Task, changed: set[Key]) -> bool:
        """A Task with dependencies that was not known; True when it waits for them."""
        key = task.key
        waiter = self._waiters[key] = _Waiter(task, depended(task.status))
        told = islice(chain(read_record(task.status.resolved), repeat((None, False))), len(task.dependencies))
        for name, (which, done) in zip(task.dependencies, told, strict=True):
            self._dependents.setdefault(waiter.key_of(name), {})[key] = None
            if which is None:
                waiter.unseen[name] = None
            else:
                waiter.found[name] = which
                (waiter.gone if done else waiter.lost)[name] = None
        for name in task.dependencies:
            other = self._lookup(waiter.key_of(name))
            if other is not None:
                self._see(key, other, changed)
        changed.add(key)
        return not waiter.passed

    def _follow(self, task: Task, changed: set[Key]) -> None:
        """A Task with dependencies that was known."""
        key, waiter = task.key, self._waiters[task.key]
        if task.status.state.terminal or task.deleting:
            self._leave(key, waiter, changed)
            return
        before, passed = waiter.task.priority, waiter.passed
        waiter.task, waiter.passed = task, passed or depended(task.status)
        if waiter.passed and not passed:
            self._closing.pop(key, None)
        if task.priority > before:
            self._lift(waiter, changed)
        if task.priority < before or waiter.passed is not passed:
            self._settle([waiter.key_of(name) for name in waiter.open], changed)

    def _see(self, key: Key, other: Task, changed: set[Key]) -> None:
        """A dependency of this Task, as it is now."""
        waiter, name = self._waiters[key], other.name
        before, which = waiter.kind, mark(other.uid)
        if name in waiter.unseen:
            del waiter.unseen[name]
            waiter.found[name] = which
            waiter.open[name] = None
        elif waiter.found.get(name) != which:
            return
        waiter.gone.pop(name, None)
        if name in waiter.lost:
            del waiter.lost[name]
            waiter.sure.pop(name, None)
            waiter.open[name] = None
        if name in waiter.open:
            ended = kept(waiter.task.dependencies[name], other.status.state)
            if ended is None:
                self._raise(other.key, self._effective(waiter), changed)
            else:
                del waiter.open[name]
                if not ended:
                    waiter.broken[name] = _seen(waiter, other)
        if waiter.kind != before:
            changed.add(key)

    def _leave(self, key: Key, waiter: _Waiter, changed: set[Key]) -> None:
        """A Task waits for nothing any more; what it waited for may go once nobody else needs it."""
        del self._waiters[key]
        self._closing.pop(key, None)
        for name in waiter.task.dependencies:
            self._drop(waiter.key_of(name), key, changed)
        self._settle([waiter.key_of(name) for name in waiter.open], changed)

    def _drop(self, dependency: Key, dependent: Key, changed: set[Key]) -> None:
        rest = self._dependents.get(dependency, {})
        rest.pop(dependent, None)
        if not rest:
            self._dependents.pop(dependency, None)
            changed.add(dependency)

    def _there(self, waiter: _Waiter) -> Iterator[Task]:
        """The first few that have not ended."""
        for name in islice(waiter.open, SHOWN):
            if other := self._lookup(waiter.key_of(name)):
                yield other

    # Cycles. A Task closes one when it waits for itself by way of older Tasks alone, none of which closes one itself:
    # so the order in which Tasks are seen does not matter, only the order in which they were made.

    def _close(self, key: Key, changed: set[Key]) -> None:
        """A Task that waits is new: say anew which Tasks of the cycles through it close one."""
        ring = cycles.ring(key, self._ahead, self._behind)
        for member in sorted(ring, key=self._age):
            if self._age(member) < self._age(key):
                continue
            before = self._closing.pop(member, ())
            if way := self._way(member, ring):
                self._closing[member] = way
            if way != before:
                changed.add(member)
                waiter = self._waiters[member]
                # What never runs hurries nobody: without this, a cycle would hold itself up.
                self._lift(waiter, changed)
                self._settle([waiter.key_of(name) for name in waiter.open], changed)

    def _ahead(self, key: Key) -> Iterator[Key]:
        """What a Task waits for, of that what waits itself."""
        waiter = self._waiters[key]
        for name in waiter.open:
            other = self._waiters.get(waiter.key_of(name))
            if other is not None and not other.passed:
                yield waiter.key_of(name)

    def _behind(self, key: Key) -> Iterator[Key]:
        """What waits for a Task."""
        for dependent in self._dependents.get(key, _NONE):
            waiter = self._waiters[dependent]
            if key[1] in waiter.open and not waiter.passed:
                yield dependent

    def _way(self, start: Key, ring: set[Key]) -> tuple[str, ...]:
        """The names on the shortest way from a Task to itself by way of older ones that close no cycle."""
        age = self._age(start)

        def allowed(key: Key) -> bool:
            return key in ring and key not in self._closing and self._age(key) < age

        return tuple(name for _, name in cycles.way(start, self._ahead, allowed))

    def _age(self, key: Key) -> tuple[float, str]:
        return self._waiters[key].task.created, key[1]

    # Priorities. What is inherited rises at once along the edges; where it may fall, it is asked for anew.

    def _effective(self, waiter: _Waiter) -> int:
        return -1 if waiter.passed or waiter.task.key in self._closing else self.priority(waiter.task)

    def _lift(self, waiter: _Waiter, changed: set[Key]) -> None:
        for name in waiter.open:
            self._raise(waiter.key_of(name), self._effective(waiter), changed)

    def _raise(self, key: Key, value: int, changed: set[Key]) -> None:
        work = [(key, value)]
        while work:
            key, value = work.pop()
            task = self._lookup(key)
            if task is None or value <= self._inherited.get(key, -1):
                continue
            rises = value > self.priority(task)
            self._inherited[key] = value
            waiter = self._waiters.get(key)
            if rises:
                changed.add(key)
                if waiter is not None and self._effective(waiter) >= value:
                    work += [(waiter.key_of(name), value) for name in waiter.open]

    def _settle(self, keys: list[Key], changed: set[Key]) -> None:
        work = list(keys)
        while work:
            key = work.pop()
            old, new = self._inherited.get(key), -1
            if old is None:
                continue
            for dependent in self._behind(key):
                new = max(new, self._effective(self._waiters[dependent]))
                if new >= old:
                    break
            if new == old:
                continue
            if new < 0:
                del self._inherited[key]
            else:
                self._inherited[key] = new
            task, waiter = self._lookup(key), self._waiters.get(key)
            if task is not None and old > task.priority:
                changed.add(key)
                if waiter is not None and not waiter.passed:
                    work += [waiter.key_of(name) for name in waiter.open]


def _seen(waiter: _Waiter, other: Task) -> Seen:
    return Seen(other.name, other.status.state, str(other.status.reason), waiter.task.dependencies[other.name])


def _unwritten(waiter: _Waiter) -> bool:
    """True when a dependency that was done is gone, and the status of the Task does not say that it was."""
    if not waiter.gone:
        return False
    written = dict(zip(waiter.task.dependencies, read_record(waiter.task.status.resolved), strict=False))
    return any(written.get(name) != (waiter.found[name], True) for name in waiter.gone)
