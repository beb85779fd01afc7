"""One trace on one cluster by one strategy: events in the order of their time, and nothing in between.

The same trace, cluster, setting and seed have the same course, whatever ran before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from heapq import heappop, heappush
from itertools import count
from math import inf
from random import Random
from statistics import fmean, pstdev
from typing import Any, Final

from loadstar.core.policy import Policy, WhenHot
from loadstar.core.quantity import CPU, MEMORY
from loadstar.simulate.fault import NOTICED, Fault, Kind
from loadstar.simulate.job import Job
from loadstar.simulate.machine import Machine
from loadstar.simulate.meter import Meter, Metering, Reading
from loadstar.simulate.outcome import HOT, Course, Outcome, outcome
from loadstar.simulate.shape import Host
from loadstar.simulate.site import Chooser, Site, size_of

LEAD: Final = 60.0
"""Seconds before the first arrival, in which the nodes are measured."""
GATHER: Final = 0.05
"""Seconds from an arrival, or from room that became free, until Tasks are placed."""
RETRY: Final = 1.0
"""How often all that wait are looked at although no room became free."""
USES: Final = 15.0
"""How often what Pods use is read, of all of them."""
LOOK: Final = 5.0
"""How often the deviation of loads is looked at."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How a run is. `fit`: requests are declared and bind; `warm`: Tasks that arrive in the first seconds count in no
    mean; `patience`: so many seconds after the last arrival it is given up; `kills`: where memory does not suffice the
    kernel kills, instead of all being slow.
    """

    policy: Policy = field(default_factory=Policy)
    metering: Metering = field(default_factory=Metering)
    fit: bool = True
    faults: tuple[Fault, ...] = ()
    warm: float = 0.0
    patience: float = 86_400.0
    kills: bool = False


class Event(IntEnum):
    """What happens; of what happens at once, in this order."""

    END = 0
    BURDEN = 1
    FAULT = 2
    START = 3
    METER = 4
    KNOWN = 5
    ARRIVE = 6
    PLACE = 7
    LOOK = 8
    LEARN = 9


@dataclass(slots=True)
class _Queue:
    """Events by time, then kind, then the order in which they were foretold."""

    heap: list[tuple[float, int, int, Any]] = field(default_factory=list)
    number: count[int] = field(default_factory=count)

    def put(self, at: float, kind: Event, data: Any) -> None:
        heappush(self.heap, (at, int(kind), next(self.number), data))


class Run:
    """A run; `courses` has what happened to each Task by its number."""

    def __init__(
        self, jobs: Sequence[Job], hosts: Sequence[Host], setting: Setting, make: Callable[[Site], Chooser], seed: int
    ) -> None:
        """`make`: whoever chooses, made for this run's site; `seed` of what is chance: samples' phases and delays."""
        dice = Random(seed)
        self._setting = setting
        self.machines = {host.name: Machine(host) for host in hosts}
        self._meters = {name: Meter(each, setting.metering, dice) for name, each in self.machines.items()}
        self._hosts = {host.name: host for host in hosts}
        self.site = Site(setting.policy, self.machines, fit=setting.fit)
        self._chooser = make(self.site)
        self._queue = _Queue()
        self._waiting: dict[int, Job] = {}
        self._fresh: list[Job] = []
        self._freed = False
        self._planned = False
        self._passed = -inf
        self._dark: set[str] = set()
        self._dead: set[str] = set()
        self._watched: list[tuple[float, float, float]] = []
        first = min((job.arrival for job in jobs), default=0.0)
        self._jobs = {job.number: replace(job, arrival=job.arrival - first + LEAD) for job in jobs}
        self.courses = {job.number: Course(job.arrival, job.work, job.delay) for job in self._jobs.values()}
        self._last = max((job.arrival for job in self._jobs.values()), default=0.0)
        self._left = len(self._jobs)
        self.refused: list[int] = []
        self._begin()

    def run(self) -> Outcome:
        """Let it all happen."""
        act: dict[int, Callable[[Any], None]] = {
            Event.END: self._end,
            Event.BURDEN: self._bear,
            Event.FAULT: self._fault,
            Event.START: self._start,
            Event.METER: self._meter,
            Event.KNOWN: self._known,
            Event.ARRIVE: self._arrive,
            Event.PLACE: self._place,
            Event.LEARN: self._learn,
            Event.LOOK: self._look,
        }
        heap, site, given_up = self._queue.heap, self.site, self._last + self._setting.patience
        while self._left and heap[0][0] <= given_up:
            at, kind, _, data = heappop(heap)
            site.now = at
            act[kind](data)
        counted = [
            course
            for number, course in self.courses.items()
            if course.arrival >= LEAD + self._setting.warm and number not in self.refused
        ]
        return outcome(counted, given_up, self._watched, len(self.refused))

    def _begin(self) -> None:
        put = self._queue.put
        room = [
            (
                round(host.cores * 1000) - host.requested.get(CPU, 0),
                round(host.memory) - host.requested.get(MEMORY, 0),
            )
            for host in self._hosts.values()
        ]
        for job in self._jobs.values():
            # More than is declared is never asked for, and less may be learned only once some have run.
            cpu, memory = size_of(job.declared) if self._setting.fit else (0, 0)
            if any(cpu <= cpus and memory <= bytes_ for cpus, bytes_ in room):
                put(job.arrival, Event.ARRIVE, job)
            else:
                self.refused.append(job.number)
                self._left -= 1
        for name, host in self._hosts.items():
            for index, burden in enumerate(host.burdens):
                if index + 1 == len(host.burdens) or host.burdens[index + 1].since > 0:
                    put(max(0.0, burden.since + LEAD if index else 0.0), Event.BURDEN, (name, index))
                    break
            put(self._meters[name].first, Event.METER, name)
        for fault in self._setting.faults:
            put(LEAD + fault.at, Event.FAULT, (fault, 0))
        put(LEAD, Event.LOOK, None)
        put(USES, Event.LEARN, None)

    def _arrive(self, job: Job) -> None:
        self._waiting[job.number] = job
        self._fresh.append(job)
        self._plan()

    def _plan(self) -> None:
        if not self._planned and self._waiting:
            self._planned = True
            self._queue.put(self.site.now + GATHER, Event.PLACE, None)

    def _place(self, _: None) -> None:
        """Place what can be placed; where no room became free, only what has just come can be."""
        site, chooser = self.site, self._chooser
        self._planned = False
        whole = self._freed or site.now - self._passed >= RETRY
        trying = list(self._waiting.values()) if whole else self._fresh
        self._freed, self._fresh = False, []
        if whole:
            self._passed = site.now
        for job in trying:
            node = chooser.choose(job, site)
            if node is None:
                continue
            del self._waiting[job.number]
            site.bind(job, node, site.asked(job, chooser), None)
            chooser.placed(job, node, site)
            course = self.courses[job.number]
            course.node, course.placed, course.attempts = node, site.now, course.attempts + 1
            self._queue.put(site.now + job.delay, Event.START, (job, node))

    def _start(self, data: tuple[Job, str]) -> None:
        job, node = data
        now, machine = self.site.now, self.machines[node]
        if node in self._dead:
            self._queue.put(now + NOTICED, Event.FAULT, (job, node))
            return
        machine.start(job, now)
        self.courses[job.number].started = now
        self.site.bind(job, node, self.site.asked(job, self._chooser), now)
        if self._setting.kills:
            self._kill(machine)
        self._foretell(machine)

    def _kill(self, machine: Machine) -> None:
        """While memory does not suffice, who has most beyond what it requested goes, as the kernel has it."""
        while machine.memory > machine.host.memory and machine.jobs:
            asked = {number: self.site.asked(job, self._chooser) for number, job in machine.jobs.items()}
            job = max(
                machine.jobs.values(), key=lambda item: (item.memory - asked[item.number].get(MEMORY, 0), item.number)
            )
            machine.kill(job, self.site.now)
            self._chooser.killed(job, machine.host.name, self.site)
            self._again(job, machine.host.name)

    def _foretell(self, machine: Machine) -> None:
        due = machine.due()
        if due < inf:
            self._queue.put(max(due, self.site.now), Event.END, (machine, machine.version))

    def _end(self, data: tuple[Machine, int]) -> None:
        machine, version = data
        if machine.version != version:
            return
        job = machine.end(self.site.now)
        self.courses[job.number].finished = self.site.now
        self.site.ledger.end(job.uid, self.site.now)
        self._chooser.ended(job, machine.host.name, self.site)
        self.site.freed(machine.host.name)
        self._left -= 1
        self._free()
        self._foretell(machine)

    def _free(self) -> None:
        self._freed = True
        self._plan()

    def _bear(self, data: tuple[str, int]) -> None:
        name, index = data
        machine, burdens = self.machines[name], self._hosts[name].burdens
        machine.bear(burdens[index], self.site.now)
        self._foretell(machine)
        if index + 1 < len(burdens):
            self._queue.put(LEAD + burdens[index + 1].since, Event.BURDEN, (name, index + 1))

    def _meter(self, name: str) -> None:
        found = self._meters[name].read(self.site.now)
        if found is not None and name not in self._dark:
            known, reading = found
            self._queue.put(known, Event.KNOWN, reading)
        self._queue.put(self.site.now + self._setting.metering.window, Event.METER, name)

    def _known(self, reading: Reading) -> None:
        self.site.take(reading)
        self._chooser.read(reading, self.site)
        if self.site.policy.when_hot is WhenHot.WAIT:
            self._freed = True
        self._plan()

    def _learn(self, _: None) -> None:
        self.site.learn()
        self._queue.put(self.site.now + USES, Event.LEARN, None)

    def _look(self, _: None) -> None:
        if self.site.now <= self._last:
            loads = [machine.load for machine in self.machines.values()]
            if self.site.now >= LEAD + self._setting.warm:
                hot = sum(load > HOT for load in loads) / len(loads)
                self._watched.append((pstdev(loads), hot, fmean(loads)))
            self._queue.put(self.site.now + LOOK, Event.LOOK, None)

    def _fault(self, data: tuple[Fault, int] | tuple[Job, str]) -> None:
        what, step = data
        if isinstance(what, Job):
            self._again(what, str(step))
            return
        machine, now, put = self.machines[what.node], self.site.now, self._queue.put
        if what.kind is Kind.DARK:
            (self._dark.discard if step else self._dark.add)(what.node)
            if not step:
                put(now + what.seconds, Event.FAULT, (what, 1))
        elif step == 0:
            machine.freeze(now, frozen=True)
            if what.kind is Kind.DEAD:
                self._dead.add(what.node)
                for job in machine.lose(now):
                    put(now + NOTICED, Event.FAULT, (job, what.node))
            put(now + NOTICED, Event.FAULT, (what, 1))
            put(now + what.seconds, Event.FAULT, (what, 2))
        else:
            there = step == 2 or what.seconds < NOTICED  # noqa: PLR2004 - the last of three steps
            self.site.ledger.put_node(replace(machine.host.node, ready=there))
            self.site.full.clear()
            if step == 2:  # noqa: PLR2004 - see above
                self._dead.discard(what.node)
                machine.freeze(now, frozen=False)
                self._foretell(machine)
            self._free()

    def _again(self, job: Job, node: str) -> None:
        """What was lost with its node is to be placed anew."""
        self.site.ledger.drop(job.uid)
        self._chooser.ended(job, node, self.site)
        self.site.freed(node)
        self._waiting[job.number] = job
        self._fresh.append(job)
        self._free()
