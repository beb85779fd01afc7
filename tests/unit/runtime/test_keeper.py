"""TaskProfiles are few writes, only the leader's, and survive whoever else writes or deletes them."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from loadstar.core.profile import Profile
from loadstar.runtime.keeper import UNSEEN_SECONDS, Keeper
from loadstar.runtime.leader import Leader
from loadstar.runtime.ports import (
    AlreadyExists,
    ClusterError,
    Conflict,
    Forbidden,
    KeptProfile,
    NotFound,
    Terminating,
    Unavailable,
)
from loadstar.runtime.profiles import Name, Profiles
from tests.unit.core.builders import NOW
from tests.unit.core.test_profile import after, run
from tests.unit.runtime.fakes import FakeClock, FakeLeases

ONE, OTHER = ("ns", "one"), ("ns", "other")


@dataclass
class Objects:
    """TaskProfiles with resourceVersions."""

    kept: dict[Name, KeptProfile] = field(default_factory=dict)
    faults: list[ClusterError] = field(default_factory=list)
    writes: list[Name] = field(default_factory=list)

    async def write_profile(self, name: Name, profile: Profile, version: str, now: float) -> str:
        self.writes.append(name)
        if self.faults:
            raise self.faults.pop(0)
        known = self.kept.get(name)
        if known is None and version:
            raise NotFound(name[1])
        if known is not None and known.version != version:
            raise Conflict(name[1]) if version else AlreadyExists(name[1])
        self.kept[name] = KeptProfile(str(len(self.writes)), profile, now)
        return self.kept[name].version

    async def read_profile(self, name: Name) -> KeptProfile | None:
        return self.kept.get(name)

    async def delete_profile(self, name: Name, version: str) -> None:
        if self.kept[name].version != version:
            raise Conflict(name[1])
        del self.kept[name]


def bench(*names: Name, runs: int = 5) -> tuple[Objects, Profiles, Keeper]:
    objects, profiles, clock = Objects(), Profiles(), FakeClock(NOW)
    for name in names:
        for _ in range(runs):
            profiles.learn(name, run())
    return objects, profiles, Keeper(objects, profiles, Leader(FakeLeases(), "me", clock), clock)


def runs_of(objects: Objects, name: Name = ONE) -> int:
    profile = objects.kept[name].profile
    assert profile is not None
    return profile.runs


async def test_one_write_at_a_time_and_none_at_rest() -> None:
    """The class of which the largest share is not written comes first."""
    objects, profiles, keeper = bench(ONE, OTHER)
    for _ in range(4):
        await keeper.step()
    assert sorted(objects.writes) == [ONE, OTHER]
    for _ in range(40):
        profiles.learn(ONE, run())
    profiles.learn(OTHER, run())
    await keeper.step()
    assert objects.writes[-1] == ONE
    assert runs_of(objects) == 45


async def test_what_came_once_gets_no_object() -> None:
    """Classes that never repeat leave nothing behind; of one that is well known a little news is none."""
    objects, profiles, keeper = bench(ONE, runs=1)
    await keeper.step()
    assert objects.writes == []
    for _ in range(99):
        profiles.learn(ONE, run())
    await keeper.step()
    profiles.learn(ONE, run())
    await keeper.step()
    assert objects.writes == [ONE]


async def test_two_operators_lose_nothing_that_either_wrote() -> None:
    """Who comes second takes over what the first wrote, and adds only what ended since."""
    objects, profiles, keeper = bench(ONE)
    theirs = after(*[run()] * 50)
    objects.kept[ONE] = KeptProfile("99", theirs, NOW - 10)
    await keeper.step()
    entry = profiles.entry(ONE)
    assert entry is not None
    assert (entry.version, entry.profile.runs) == ("99", 55)
    await keeper.step()
    assert runs_of(objects) == 55
    objects.kept[ONE] = KeptProfile("100", theirs, NOW + 10)
    for _ in range(20):
        profiles.learn(ONE, run())
    await keeper.step()
    assert entry.profile.runs == 50, "what ended before they wrote is in what they wrote"


async def test_a_deleted_profile_is_not_brought_back() -> None:
    """Its class is learned anew, also when only the write finds out."""
    objects, profiles, keeper = bench(ONE)
    await keeper.step()
    del objects.kept[ONE]
    for _ in range(5):
        profiles.learn(ONE, run())
    await keeper.step()
    assert profiles.entry(ONE) is None
    assert objects.kept == {}


async def test_a_spoiled_profile_is_written_over() -> None:
    """By what is known here."""
    objects, _, keeper = bench(ONE)
    objects.kept[ONE] = KeptProfile("99", None, 0.0)
    await keeper.step()
    await keeper.step()
    assert runs_of(objects) == 5


@pytest.mark.parametrize("error", [Unavailable("u"), Forbidden("f"), NotFound("no such kind"), ClusterError("odd")])
async def test_a_refusal_costs_neither_what_was_learned_nor_other_classes(error: ClusterError) -> None:
    """It is tried again: at once where nobody answered, else with the next run of the class."""
    objects, profiles, keeper = bench(ONE, OTHER)
    objects.faults.append(error)
    await keeper.step()
    await keeper.step()
    assert len(objects.kept) == 1
    profiles.learn(ONE, run())
    profiles.learn(OTHER, run())
    for _ in range(2):
        await keeper.step()
    assert len(objects.kept) == 2


async def test_a_namespace_that_goes_takes_its_classes_with_it() -> None:
    """Nothing can be written there any more."""
    objects, profiles, keeper = bench(ONE)
    objects.faults.append(Terminating("t"))
    await keeper.step()
    assert profiles.entry(ONE) is None


async def test_a_class_that_does_not_come_back_is_forgotten() -> None:
    """After thirty days, and its object with it."""
    objects, profiles, keeper = bench(ONE)
    await keeper.step()
    keeper._clock.time += UNSEEN_SECONDS + 1  # type: ignore[attr-defined] # a clock that is turned by hand
    await keeper.step()
    assert objects.kept == {}
    assert profiles.entry(ONE) is None
    assert profiles.gone == {}
