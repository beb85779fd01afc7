"""What a process knows of classes: learned from Pods, taken over from TaskProfiles, and safe from both."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from loadstar.core.classes import Use
from loadstar.core.learning import ENOUGH_RUNS
from loadstar.core.model import Phase, Placement, Pod, Task, TaskStatus, Worker
from loadstar.core.policy import Policy
from loadstar.core.profile import Profile
from loadstar.core.resources import Asks, Requests, Resources
from loadstar.core.states import State
from loadstar.core.template import Template
from loadstar.runtime import profiles as module
from loadstar.runtime.profiles import Profiles, name_of
from loadstar.runtime.store import Store
from tests.unit.core.builders import GI, NOW, pod, task, view
from tests.unit.core.test_profile import after, run

MI = 2**20
OWN = Worker(b'{"image":"a"}', {"cpu": 1000, "memory": GI}, image="a")
TEMPLATE = Template(OWN, Placement(), (), ())
ONE = task(worker=OWN)
NAME = name_of(ONE, TEMPLATE)
LEARNED = Policy(requests=Requests.LEARNED)


def live(phase: Phase = Phase.RUNNING, number: int = 0, **fields: Any) -> Pod:
    return pod(phase, uid=f"p{number}", requests=OWN.requests, started=NOW - 60, **fields)


def lived(
    profiles: Profiles, number: int = 0, *, cpu: float = 0.2, samples: int = 3, of: Task = ONE, **end: Any
) -> None:
    """A Pod from its start to its end, measured so often."""
    profiles.followed(live(number=number), of, TEMPLATE)
    for sample in range(1, samples + 1):
        at = NOW - 60 + 15 * sample
        profiles.measured(live(number=number), Use(None, None, None, at, 0, cpu * 15 * sample, 100 * MI, at))
    fields = {"finished": NOW, "exit_code": 0, **end}
    phase = Phase.SUCCEEDED if fields["exit_code"] == 0 else Phase.FAILED
    for _ in range(2):
        profiles.followed(live(phase, number, **fields), of, TEMPLATE)


def known(count: int = ENOUGH_RUNS) -> Profiles:
    profiles = Profiles()
    for number in range(count):
        lived(profiles, number)
    return profiles


def profile_of(profiles: Profiles) -> Profile:
    entry = profiles.entry(NAME)
    assert entry is not None
    return entry.profile


def test_a_class_is_learned_from_its_pods() -> None:
    """Each end once, however often it is seen; from five on Tasks that want it ask for that."""
    profiles = known(ENOUGH_RUNS - 1)
    assert profile_of(profiles).runs == ENOUGH_RUNS - 1
    assert profiles.template(ONE, TEMPLATE, LEARNED, NOW) is TEMPLATE
    lived(profiles, 9)
    found = profiles.template(ONE, TEMPLATE, LEARNED, NOW)
    assert found.requests["cpu"] == 212
    assert 100 * MI < found.requests["memory"] < 120 * MI
    assert profiles.template(ONE, TEMPLATE, Policy(), NOW) is TEMPLATE
    assert profiles.takes(NAME) == 60


def test_what_teaches_nothing() -> None:
    """Runs that fail, that were hardly measured, or whose begin was not seen, as after a restart."""
    profiles = Profiles()
    lived(profiles, exit_code=1)
    assert profiles.entry(NAME) is None
    lived(profiles, 1, samples=1)
    assert profile_of(profiles).runs == 0
    assert profile_of(profiles).unmeasured == 1
    profiles.followed(live(Phase.SUCCEEDED, 2, finished=NOW, exit_code=0), ONE, TEMPLATE)
    assert profile_of(profiles).unmeasured == 1


def test_use_is_known_until_the_pod_is_forgotten() -> None:
    """The Task's status wants it with its end."""
    profiles = known(1)
    usage = profiles.usage("p0")
    assert usage is not None
    assert round(usage.cpu) == 200
    profiles.forget_pod("p0")
    assert profiles.usage("p0") is None


def test_a_kill_below_what_is_declared_is_learned() -> None:
    """The class asks for its declared memory until it is known anew; its CPU stays learned."""
    profiles = known(10)
    modest = TaskStatus(state=State.RUNNING, resources=Resources(OWN.requests, {"cpu": 212, "memory": 116 * MI}))
    lived(profiles, 20, of=replace(ONE, status=modest), exit_code=137, end_reason="OOMKilled")
    assert profiles.template(ONE, TEMPLATE, LEARNED, NOW).learned == Asks({"cpu": 212})
    assert profile_of(profiles).ooms == 1


def test_a_run_that_succeeds_was_not_killed_whatever_its_reason() -> None:
    """When a node runs out of memory under cgroup v1, every container there is told of it, and some runtimes keep that
    as the reason of one that goes on and succeeds. It teaches as any run.
    """
    profiles = known(10)
    modest = TaskStatus(state=State.RUNNING, resources=Resources(OWN.requests, {"cpu": 212, "memory": 116 * MI}))
    lived(profiles, 20, of=replace(ONE, status=modest), end_reason="OOMKilled")
    assert profile_of(profiles).ooms == 0
    assert profile_of(profiles).runs == 11


def test_a_refused_class_asks_as_declared_for_a_while() -> None:
    """One refusal by a LimitRange serves all Tasks of the class."""
    profiles = known()
    profiles.bar(NAME, NOW + 10)
    assert profiles.template(ONE, TEMPLATE, LEARNED, NOW) is TEMPLATE
    assert profiles.template(ONE, TEMPLATE, LEARNED, NOW + 11).learned.requests


def test_a_task_profile_takes_the_place_of_what_it_has() -> None:
    """Runs that ended since it was written come on top; its echo changes nothing."""
    profiles = known(3)
    kept = after(*[run(image="a")] * 8)
    profiles.seen(NAME, "7", kept, NOW + 1)
    assert profile_of(profiles) == kept
    profiles = known(3)
    profiles.seen(NAME, "7", kept, NOW - 1)
    assert profile_of(profiles).runs == 11
    profiles.seen(NAME, "7", Profile(), NOW - 1)
    assert profile_of(profiles).runs == 11


def test_a_deleted_profile_is_learned_anew() -> None:
    """From nothing: until then Tasks ask for what they declare."""
    profiles = known()
    profiles.lost(NAME)
    assert profiles.template(ONE, TEMPLATE, LEARNED, NOW) is TEMPLATE
    lived(profiles, 30)
    assert profile_of(profiles).runs == 1


def test_a_spoiled_profile_leaves_what_is_known() -> None:
    """It is to be written over; where nothing is known Tasks ask for what they declare."""
    profiles = known()
    before = profile_of(profiles)
    profiles.seen(NAME, "7", before, NOW + 1)
    profiles.spoiled(NAME, "8")
    entry = profiles.entry(NAME)
    assert entry is not None
    assert (entry.profile, entry.version, entry.news) == (before, "8", 1)
    fresh = Profiles()
    fresh.spoiled(NAME, "8")
    assert fresh.template(ONE, TEMPLATE, LEARNED, NOW) is TEMPLATE


def test_classes_are_bounded(monkeypatch: Any) -> None:
    """The one that was not seen for longest goes, and its object with it."""
    monkeypatch.setattr(module, "CLASSES", 3)
    profiles = Profiles()
    for number in range(4):
        profiles.seen(("ns", f"c{number}"), str(number + 1), after(run()), NOW)
    assert [name for (_, name), _ in profiles.entries()] == ["c1", "c2", "c3"]
    assert profiles.gone == {("ns", "c0"): "1"}


def test_the_store_charges_what_is_asked_for_and_expects_what_is_used() -> None:
    """Room by the request; use by the ratio to what is declared, so that a smaller request is no smaller use."""
    store = Store()
    store.policy = LEARNED
    store.apply_node(view("a").node)
    asks = {"cpu": 250, "memory": 256 * MI}
    status = TaskStatus(state=State.ASSIGNED, attempt=1, assigned_to="a", resources=Resources(OWN.requests, asks))
    store.apply_task(replace(ONE, status=status))
    before = store.snapshot(NOW).nodes["a"]
    assert before.requested == {**asks, "pods": 1}
    (promised,) = before.reservations.values()
    store.apply_task(replace(ONE, status=replace(status, state=State.RUNNING), resource_version="2"))
    store.apply_pod(pod(Phase.RUNNING, requests=asks, started=NOW - 60))
    seen = store.snapshot(NOW).nodes["a"]
    assert seen.requested == {**asks, "pods": 1}
    assert [res.cpu for res in seen.reservations.values()] == [promised.cpu] == [1000]
    store.apply_uses({("ns", "t-01234-0-1"): Use(250, 128 * MI, None, NOW, 15)})
    (habit,) = store.snapshot(NOW).habits.values()
    assert (habit.cpu, habit.memory) == (0.25, 0.125)
