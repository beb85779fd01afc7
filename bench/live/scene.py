"""Simulated nodes that contend as the simulator's machines do: which Pod ends when, and what a kubelet would say of it.

Pure: every call has the time, in seconds since the scene's beginning. Real are the API server, the schedulers, the
metrics pipeline and the operator around it; how much a busy node slows its Pods is the model's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import inf
from statistics import fmean, pstdev

from loadstar.simulate.job import Job
from loadstar.simulate.machine import Machine
from loadstar.simulate.outcome import HOT
from loadstar.simulate.shape import Host

GATHER = 0.01
"""What is due within so many seconds is due now."""


@dataclass(frozen=True, slots=True)
class PodName:
    """A Pod and its container."""

    namespace: str
    name: str
    container: str


@dataclass(slots=True)
class Running:
    """A Pod that runs: what it does, bytes of memory that it requested, and when its container began, on the scene's
    clock and on its node's clock of CPU.
    """

    pod: PodName
    job: Job
    memory: int
    node: str
    began: float
    clock: float


@dataclass(frozen=True, slots=True)
class Ending:
    """A Pod that ends: its work is done since `due`, or it is killed for memory."""

    pod: PodName
    due: float
    killed: bool = False


@dataclass(slots=True)
class Scene:
    """Nodes by name, what runs there, when what has ended was done, and how loads differed whenever it was looked."""

    machines: dict[str, Machine]
    running: dict[int, Running] = field(default_factory=dict)
    watched: list[tuple[float, float, float, float]] = field(default_factory=list)
    done: dict[int, float] = field(default_factory=dict)
    killed: int = 0
    _borne: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, hosts: Iterable[Host]) -> Scene:
        """Empty nodes with the others on them as they are at first."""
        scene = cls({host.name: Machine(host) for host in hosts})
        scene.bear(0.0, 0.0)
        return scene

    def start(self, pod: PodName, job: Job, node: str, memory: int, now: float) -> list[Ending]:
        """A Pod's container begins; returns whom the kernel kills for memory: who has most beyond what it requested."""
        machine = self.machines[node]
        machine.start(job, now)
        self.running[job.number] = Running(pod, job, memory, node, now, machine.cpu_clock)
        killed = []
        while machine.memory > machine.host.memory and machine.jobs:
            here = (self.running[number] for number in machine.jobs)
            victim = max(here, key=lambda one: (one.job.memory - one.memory, one.began))
            self._lose(victim, now)
            self.killed += 1
            killed.append(Ending(victim.pod, now, killed=True))
        return killed

    def gone(self, pod: PodName, job: Job, now: float) -> None:
        """A Pod is not there any more. One that has ended already is none of the scene's."""
        one = self.running.get(job.number)
        if one is not None and one.pod == pod:
            self._lose(one, now)

    def due(self) -> float:
        """When the next Pod ends if nothing changes; infinity for never."""
        return min((machine.due() for machine in self.machines.values()), default=inf)

    def turn(self, now: float) -> list[Ending]:
        """Let the Pods that are due end, each at its own time, however late one looks."""
        found = []
        for machine in self.machines.values():
            while (due := machine.due()) <= now + GATHER:
                job = machine.end(due)
                self.done[job.number] = due
                found.append(Ending(self.running.pop(job.number).pod, due))
        return found

    def bear(self, lead: float, now: float) -> None:
        """Let the others use what they use now, when the trace begins after `lead` seconds."""
        for name, machine in self.machines.items():
            burdens, place = machine.host.burdens, self._borne.get(name, -1)
            later = place + 1
            while later < len(burdens) and (later == 0 or burdens[later].since <= now - lead):
                place, later = later, later + 1
            if place != self._borne.get(name, -1):
                self._borne[name] = place
                machine.bear(burdens[place], now)

    def look(self, at: float) -> None:
        """Note how loads differ now, `at` of the trace: deviation, share of hot nodes, mean."""
        loads = [machine.load for machine in self.machines.values()]
        self.watched.append((at, pstdev(loads), sum(load > HOT for load in loads) / len(loads), fmean(loads)))

    def page(self, node: str, now: float, epoch: float) -> str:
        """What the node's kubelet says on /metrics/resource; `epoch`: the time of the scene's beginning."""
        machine = self.machines[node]
        machine.advance(now)
        stamp = round((epoch + now) * 1000)
        memory = min(machine.memory, machine.host.memory)
        rows = [
            f"node_cpu_usage_seconds_total {machine.cpu_used:.6f} {stamp}",
            f"node_memory_working_set_bytes {memory:.0f} {stamp}",
        ]
        for number in machine.jobs:
            rows += _pod(self.running[number], machine.cpu_clock, stamp, epoch)
        return "\n".join([*rows, ""])

    def _lose(self, one: Running, now: float) -> None:
        self.machines[one.node].kill(one.job, now)
        del self.running[one.job.number]


def _pod(one: Running, clock: float, stamp: int, epoch: float) -> Sequence[str]:
    pod = f'namespace="{one.pod.namespace}",pod="{one.pod.name}"'
    container = f'container="{one.pod.container}",{pod}'
    cpu, memory = one.job.cpu * (clock - one.clock), one.job.memory
    return (
        f"container_start_time_seconds{{{container}}} {epoch + one.began:.3f}",
        f"container_cpu_usage_seconds_total{{{container}}} {cpu:.6f} {stamp}",
        f"container_memory_working_set_bytes{{{container}}} {memory:.0f} {stamp}",
        f"pod_cpu_usage_seconds_total{{{pod}}} {cpu:.6f} {stamp}",
        f"pod_memory_working_set_bytes{{{pod}}} {memory:.0f} {stamp}",
    )
