"""What is reported of the cluster, and when it is news."""

from __future__ import annotations

from loadstar.core.learning import ENOUGH_RUNS
from loadstar.core.model import Load, Node, Placement, Sample, TaskStatus
from loadstar.core.resources import Requests
from loadstar.core.standing import standings, topology
from loadstar.core.states import State
from loadstar.core.template import resolve
from loadstar.runtime.cycle import Cycle
from loadstar.runtime.leader import Leader
from loadstar.runtime.loads import Loads
from loadstar.runtime.notes import Notes
from loadstar.runtime.profiles import name_of
from loadstar.runtime.report import Report, essence, freshness, live
from loadstar.runtime.store import Key, Store
from loadstar.runtime.workqueue import WorkQueue
from tests.unit.core.builders import GI, NOW, load, snapshot, task, view
from tests.unit.core.test_profile import run, usage
from tests.unit.runtime.fakes import FakeClock, FakeCluster, FakeLeases


class Bench:
    """A report over a store with so many nodes."""

    def __init__(self, nodes: int) -> None:
        self.clock, self.cluster, self.store = FakeClock(NOW), FakeCluster(), Store()
        for number in range(nodes):
            self.put(view(f"n{number:03}").node, 0.1 + 0.002 * number)
        queue: WorkQueue[Key] = WorkQueue(self.clock.boottime)
        cycle = Cycle(self.store, self.clock, lambda _: None)
        loads = Loads(lambda *_: {}, self.store, cycle, self.clock)  # type: ignore[arg-type] # none is read
        leader = Leader(FakeLeases(), "me", self.clock)
        self.report = Report(self.cluster, self.store, queue, Notes(), loads, leader, self.clock)

    def put(self, node: Node, cpu: float) -> None:
        self.store.apply_node(node)
        sample = Sample(cpu * 4, self.clock.now() - 5, 15, "test")
        self.store.apply_loads({node.name: Load(sample, load(0, GI, timestamp=self.clock.now() - 5).memory, None)})

    async def write(self) -> int:
        """How many reports there are after one more look."""
        now = self.store.snapshot(self.clock.now())
        await self.report._status(standings(now), now)
        return len(self.cluster.topologies)


async def test_a_report_is_bounded_and_written_when_it_is_news() -> None:
    """Of 300 nodes 40 are named; a change by little is no news, a node that becomes hot is."""
    bench = Bench(300)
    assert await bench.write() == 1
    assert await bench.write() == 1
    (found,) = bench.cluster.topologies
    assert (len(found.best), len(found.worst), found.totals.nodes) == (20, 20, 300)
    bench.clock.time += 15
    bench.put(view("n005").node, 0.1105)
    assert await bench.write() == 1
    bench.clock.time += 15
    bench.put(view("n005").node, 0.95)
    assert await bench.write() == 2
    assert bench.cluster.topologies[-1].worst[0].score.node == "n005"


def test_what_moves_by_little_is_no_news() -> None:
    """Scores and the deviation are rounded; what is reserved changes with every Pod and is not news by itself."""
    one, other, far = (essence(topology(standings(snapshot(view("a", cpu))))) for cpu in (0.1, 0.101, 0.3))
    assert one == other != far


def test_freshness_names_who_is_not() -> None:
    """Closed nodes do not count; without an open one nothing can be said."""
    nodes = standings(snapshot(view("a"), view("blind", cpu=None), view("off", cpu=None, ready=False)))
    told = freshness(nodes, None, NOW)
    assert (told.status, told.reason) == ("False", "NoFreshSample")
    assert told.message == "1/2 open nodes without a fresh load sample: blind"
    assert freshness(standings(snapshot(view("a"))), told, NOW + 9).status == "True"
    assert freshness([], told, NOW).reason == "NoOpenNodes"


def test_what_learning_would_free_is_what_the_policy_can_free() -> None:
    """A Task that says Declared itself, or must have what it declares, asks for no less under requests Learned."""
    store, running = Store(), TaskStatus(State.RUNNING, assigned_to="n")
    said = (Placement(), Placement(requests=Requests.DECLARED), Placement(requires_declared=True))
    for number, placement in enumerate(said):
        store.apply_task(task(running, name=f"t{number}", uid=f"{number}", placement=placement))
    template = resolve(task(), store.policy)
    assert template is not None
    for _ in range(ENOUGH_RUNS):
        store.profiles.learn(name_of(task(), template), run(usage=usage(cpu=50, memory=20 * 2**20)))
    assert [sorted(item.learned) for item in live(store, NOW)] == [["cpu", "memory"], [], []]
