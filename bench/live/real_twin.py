"""The twin of a run on real nodes: the same Tasks on the same nodes in the simulator."""

from __future__ import annotations

from bench.live.real_trace import CORES, Trace
from bench.placement.measures import Measures
from bench.placement.scenarios import POLICIES
from bench.placement.simulated import measured
from loadstar.core.policy import Policy
from loadstar.core.quantity import CPU, MEMORY
from loadstar.simulate.job import Job
from loadstar.simulate.meter import Metering
from loadstar.simulate.run import Run, Setting
from loadstar.simulate.shape import Burden, Host
from tests.cluster.cgroups import EVICTION_BYTES, NODE_MEMORY_BYTES

MIB = 2**20
DAEMONS_CORES = 0.02
DAEMONS_MIB = 55
"""What a node's kubelet, containerd and kube-proxy use with nothing to do, measured."""
START_CPU_SECONDS = 0.35
"""What it takes a node to start a Pod and to remove it, measured; in the twin it is laid on the run."""
START_SECONDS = 2.0
PAUSE_SECONDS = 60.0
"""Between the run that teaches and the one that counts."""


def twin(met: Trace, lead: Trace, policy: str, seed: int, window: float) -> Measures:
    """What the policy comes to on `met`, after it has learned from `lead`; metrics are means over so many seconds."""
    before = jobs(lead, 0, 0.0)
    offset = max((job.arrival + job.work for job in before), default=0.0) + PAUSE_SECONDS
    every = [*before, *jobs(met, len(before), offset)]
    # The simulator begins with the first arrival.
    warm = offset - min((job.arrival for job in every), default=0.0)
    setting = Setting(Policy(), Metering(window), warm=warm)
    return measured(Run(every, hosts(met), setting, lambda _: POLICIES[policy](seed), seed).run())


def jobs(met: Trace, first: int, offset: float) -> list[Job]:
    """Its Tasks, numbered from `first` on, so many seconds later."""
    return [
        Job(
            number,
            item.arrival + offset,
            item.kind.burner.work,
            item.kind.burner.cpu + START_CPU_SECONDS / item.kind.burner.work,
            (item.kind.burner.mib + 1) * MIB,
            0.0,
            item.kind.name,
            {CPU: item.kind.cpu, MEMORY: item.kind.mib * MIB},
            START_SECONDS,
        )
        for number, item in enumerate(met.arrivals, first)
    ]


def hosts(met: Trace) -> list[Host]:
    """Its nodes."""
    return [
        Host(
            name,
            CORES,
            NODE_MEMORY_BYTES - EVICTION_BYTES,
            1.0,
            {CPU: other.cpu, MEMORY: other.mib * MIB},
            (Burden(0.0, other.burner.cpu + DAEMONS_CORES, (other.burner.mib + DAEMONS_MIB) * MIB),),
        )
        for name, other in sorted(met.others.items())
    ]
