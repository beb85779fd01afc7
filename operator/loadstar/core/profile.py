"""What is known of a class of Tasks from its runs: what they use, how long they take. It ages, so that change is seen.

A class is a namespace's Tasks of one worker and type, or all that carry the same label `loadstar.dev/class`. What is
made of a profile is `learning`'s; how it is kept is the runtime's.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import sqrt
from typing import Any, Final

from loadstar.core.classes import digest
from loadstar.core.model import Task, Worker
from loadstar.core.quantity import CPU, MEMORY, Quantities
from loadstar.core.sketch import LARGEST, NOTHING, Sketch
from loadstar.core.usage import Usage

FADE: Final = 0.995
"""What each further run takes from the weight of those before it: after 138 runs a run counts half."""
MOST_CPU: Final = 1e8
MOST_SECONDS: Final = 1e9
COUNT: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Moments:
    """Mean and variance of what was seen, the recent most."""

    count: int = 0
    mean: float = 0.0
    variance: float = 0.0

    @property
    def deviation(self) -> float:
        """The standard deviation."""
        return sqrt(self.variance)

    def add(self, value: float) -> Moments:
        """With one more value; the first ones count alike."""
        count = min(COUNT, self.count + 1)
        alpha = max(1 - FADE, 1 / count)
        delta = value - self.mean
        return Moments(count, self.mean + alpha * delta, (1 - alpha) * (self.variance + alpha * delta * delta))


@dataclass(frozen=True, slots=True)
class Profile:
    """Of one class. Millicores, bytes, seconds, shares of I/O time.

    `image`: of its last run; `runs`: those that were measured since it is learned, `unmeasured`: those that were not;
    `sized`: runs that `memory` is made of; `ooms`: Tasks killed for memory below what they declared; `declared`: of its
    last run; `saved_cpu` and `saved_memory`: core-seconds and byte-seconds that its runs did not ask for; `early`:
    Tasks that began on a node without room for what they declared; `seen`: when a run last ended.
    """

    image: str = ""
    runs: int = 0
    unmeasured: int = 0
    ooms: int = 0
    cpu: Moments = Moments()
    memory: Sketch = NOTHING
    sized: int = 0
    run_seconds: Moments = Moments()
    start_seconds: Moments = Moments()
    io: Moments = Moments()
    declared: Quantities = field(default_factory=dict)
    saved_cpu: float = 0.0
    saved_memory: float = 0.0
    early: int = 0
    seen: float = 0.0


@dataclass(frozen=True, slots=True)
class Run:
    """A run that succeeded, or (`oom`) one that was killed for memory while it asked for less than it declared.

    `requested` and `declared`: millicores and bytes. Seconds are None where they were not told.
    """

    image: str
    usage: Usage
    seen: float
    declared: Quantities = field(default_factory=dict)
    requested: Quantities = field(default_factory=dict)
    run_seconds: float | None = None
    start_seconds: float | None = None
    oom: bool = False


def learned(known: Profile | None, run: Run) -> Profile:
    """The profile after one more run. Another image is another program: what was known of the one before goes."""
    profile = known or Profile(image=run.image)
    if run.image != profile.image:
        profile = Profile(image=run.image, saved_cpu=profile.saved_cpu, saved_memory=profile.saved_memory)
    changes: dict[str, Any] = {"declared": run.declared, "seen": max(profile.seen, run.seen)}
    if run.oom:
        changes |= _killed(profile, run)
    else:
        changes |= _timed(profile, run)
        changes |= _sized(profile, run.usage)
    return replace(profile, **changes)


def profile_name(task: Task, worker: Worker) -> str:
    """The name of the Task's class in its namespace: fit for an object's name, and the same after every restart."""
    if task.label:
        plain = task.label.lower()
        return f"class-{plain}" if plain == task.label and _is_name(plain) else f"class-{digest(task.label)}"
    return f"template-{digest(task.type, worker.document)}"


def _killed(profile: Profile, run: Run) -> dict[str, Any]:
    """Its memory is learned anew, from the least that this run wanted; until then Tasks ask for what they declare."""
    wanted = max(run.usage.memory, float(run.requested.get(MEMORY, 0)))
    memory = NOTHING.add(wanted) if 0 < wanted <= LARGEST else NOTHING
    return {"ooms": min(COUNT, profile.ooms + 1), "memory": memory, "sized": 0}


def _timed(profile: Profile, run: Run) -> dict[str, Any]:
    took, start = run.run_seconds, run.start_seconds
    if took is None or not 0 <= took <= MOST_SECONDS:
        return {}
    changes: dict[str, Any] = {"run_seconds": profile.run_seconds.add(took)}
    if start is not None and 0 <= start <= MOST_SECONDS:
        changes["start_seconds"] = profile.start_seconds.add(start)
    if run.requested != run.declared:
        spared = {name: max(0, run.declared.get(name, 0) - run.requested.get(name, 0)) for name in (CPU, MEMORY)}
        changes["saved_cpu"] = profile.saved_cpu + spared[CPU] / 1000 * took
        changes["saved_memory"] = profile.saved_memory + spared[MEMORY] * took
    return changes


def _sized(profile: Profile, usage: Usage) -> dict[str, Any]:
    if not (usage.enough and 0 <= usage.cpu <= MOST_CPU and usage.memory <= LARGEST):
        return {"unmeasured": min(COUNT, profile.unmeasured + 1)}
    return {
        "runs": min(COUNT, profile.runs + 1),
        "cpu": profile.cpu.add(usage.cpu),
        "memory": profile.memory.add(usage.memory, FADE),
        "sized": min(COUNT, profile.sized + 1),
        "io": profile.io if usage.io is None else profile.io.add(usage.io),
    }


def _is_name(text: str) -> bool:
    """True for a DNS label."""
    return text.isascii() and text.replace("-", "a").isalnum() and text[0] != "-" and text[-1] != "-"
