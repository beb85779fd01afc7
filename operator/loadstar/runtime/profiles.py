"""What is known of classes of Tasks in this process: learned from Pods as they end, and taken over from TaskProfiles.

Every replica learns, so that a new leader knows what the old one knew; the leader's TaskProfile, once seen, takes the
place of what was learned here up to the time it was written. Decides nothing: the rules are the core's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from loadstar import telemetry
from loadstar.core.classes import Use
from loadstar.core.ending import short_of_memory
from loadstar.core.learning import ENOUGH_RUNS, asked, rule, spared, wants
from loadstar.core.model import Phase, Pod, Task
from loadstar.core.policy import Policy
from loadstar.core.profile import Profile, Run, learned, profile_name
from loadstar.core.queues import TaskQueue
from loadstar.core.resources import NOTHING_LEARNED, Asks, learnable
from loadstar.core.states import State
from loadstar.core.template import Template, resolve
from loadstar.core.usage import UNMEASURED, Usage, taken

CLASSES: Final = 2_000
"""So many classes are kept; the one that was not seen for longest goes first."""
FRESH: Final = 500
"""So many runs of a class are remembered one by one until a TaskProfile has them."""
BARRED_SECONDS: Final = 600.0
"""For so long a class asks as declared after a Pod was refused that asked for less: a LimitRange may have a minimum."""

Name: TypeAlias = tuple[str, str]
"""Namespace and class."""


@dataclass(slots=True)
class Entry:
    """A class. `version`: the resourceVersion of its TaskProfile, empty when none is known; `news`: how many runs came
    since, and `fresh` the last of these; `asks`: what follows from the profile, None while nobody asked.
    """

    profile: Profile
    version: str = ""
    fresh: deque[Run] = field(default_factory=lambda: deque(maxlen=FRESH))
    news: int = 0
    asks: Asks | None = None

    def put(self, profile: Profile) -> None:
        """Another profile: what is asked for follows."""
        self.profile = profile
        self.asks = None


class Profiles:
    """All classes, and the Pods that they are learned from."""

    def __init__(self) -> None:
        self._entries: dict[Name, Entry] = {}
        self._runs: dict[str, Usage] = {}
        self._ended: dict[str, Usage] = {}
        self._barred: dict[Name, float] = {}
        self._gone: dict[Name, str] = {}

    def measured(self, pod: Pod, use: Use) -> None:
        """A sample of one of our Pods."""
        usage = self._runs.get(pod.uid)
        if usage is not None and pod.started is not None:
            self._runs[pod.uid] = taken(usage, use, pod.started)

    def followed(self, pod: Pod, task: Task, template: Template) -> None:
        """A Pod of this Task was seen: a run that ends is learned from, once."""
        if not pod.ended:
            self._runs.setdefault(pod.uid, UNMEASURED)
            return
        usage = self._runs.pop(pod.uid, None)
        if usage is None:
            return
        if usage.samples:
            self._ended[pod.uid] = usage
        oom = short_of_memory(pod) and spared(task.status, template.worker.limit, usage)
        if pod.phase is Phase.SUCCEEDED or oom:
            self.learn(name_of(task, template), _run(pod, template, usage, oom=oom))

    def usage(self, uid: str) -> Usage | None:
        """What the Pod was seen to use until it ended."""
        return self._ended.get(uid)

    def forget_pod(self, uid: str) -> None:
        """The Pod is gone and its end is on record."""
        self._runs.pop(uid, None)
        self._ended.pop(uid, None)

    def learn(self, name: Name, run: Run) -> None:
        """A run of the class has ended."""
        entry = self._entries.pop(name, None)
        if entry is None:
            entry = self._add(name, Profile(image=run.image))
        else:
            self._entries[name] = entry
        entry.put(learned(entry.profile, run))
        if run.oom:
            telemetry.LEARNED_OOMS.inc()
        elif not run.usage.enough:
            telemetry.UNMEASURED_RUNS.inc()
        entry.fresh.append(run)
        entry.news += 1

    def early(self, name: Name) -> None:
        """A Task of the class got a node that had no room for what it declares."""
        if entry := self._entries.get(name):
            entry.profile = replace(entry.profile, early=entry.profile.early + 1)

    def seen(self, name: Name, version: str, profile: Profile, written: float) -> None:
        """The class's TaskProfile as it is now, of that time; what ended since is learned on top of it."""
        entry = self._entries.get(name)
        if entry is None:
            entry = self._add(name, profile)
        elif entry.version == version:
            return
        fresh = [run for run in entry.fresh if run.seen > written]
        for run in fresh:
            profile = learned(profile, run)
        entry.put(profile)
        entry.version, entry.news = version, len(fresh)
        entry.fresh = deque(fresh, maxlen=FRESH)

    def spoiled(self, name: Name, version: str) -> None:
        """The TaskProfile cannot be read: what is known here, if anything is, stays and is written over it."""
        entry = self._entries.get(name) or self._add(name, Profile())
        if entry.version != version:
            entry.version = version
            entry.news += entry.profile.runs > 0

    def lost(self, name: Name) -> None:
        """The TaskProfile was deleted: the class is to be learned anew."""
        self._entries.pop(name, None)
        self._gone.pop(name, None)

    def wrote(self, name: Name, version: str, runs: int) -> None:
        """The TaskProfile has this now, the first `runs` of those that were news among it."""
        entry = self._entries.get(name)
        if entry is None:
            return
        entry.version = version
        entry.news = max(0, entry.news - runs)
        while len(entry.fresh) > entry.news:
            entry.fresh.popleft()

    def bar(self, name: Name, until: float) -> None:
        """Until then the class asks for what it declares."""
        if len(self._barred) >= CLASSES:
            del self._barred[next(iter(self._barred))]
        self._barred[name] = until

    def template(
        self, task: Task, template: Template, policy: Policy, now: float, queue: TaskQueue | None = None
    ) -> Template:
        """The template with what its class was learned to use, where that is wanted."""
        if not wants(task, template.worker, policy, queue, required=template.requires_declared):
            return template
        name = name_of(task, template)
        if self._barred.get(name, 0.0) > now:
            return template
        found = asked(template.worker.requests, self.asks(name), task.status)
        return replace(template, learned=found) if found.requests else template

    def asks(self, name: Name) -> Asks:
        """What Tasks of the class ask for that declare nothing."""
        entry = self._entries.get(name)
        if entry is None:
            return NOTHING_LEARNED
        if entry.asks is None:
            entry.asks = rule(entry.profile)
        return entry.asks

    def takes(self, name: Name) -> float | None:
        """The seconds that a Task of the class runs, in the mean; None until enough of them have."""
        entry = self._entries.get(name)
        known = entry is not None and entry.profile.run_seconds.count >= ENOUGH_RUNS
        return entry.profile.run_seconds.mean if entry is not None and known else None

    def outlook(self, task: Task, pods: Iterable[Pod], policy: Policy) -> tuple[Usage | None, float | None]:
        """What the open attempt's Pod was seen to use, and how long Tasks of its class take; each when it is asked."""
        if task.status.state is State.RUNNING:
            return next((self.usage(pod.uid) for pod in pods if pod.attempt == task.status.attempt), None), None
        # Only the step to RUNNING asks how long that takes, and only a Pod that runs makes it.
        runs = task.status.state is State.ASSIGNED and any(pod.ran for pod in pods)
        template = resolve(task, policy) if runs else None
        return None, self.takes(name_of(task, template)) if template is not None else None

    def entries(self) -> Iterator[tuple[Name, Entry]]:
        """All classes."""
        return iter(self._entries.items())

    def entry(self, name: Name) -> Entry | None:
        """One class."""
        return self._entries.get(name)

    def expire(self, names: Iterable[Name]) -> None:
        """These classes are not known any more."""
        for name in names:
            self._evict(name)

    @property
    def gone(self) -> Mapping[Name, str]:
        """TaskProfiles of classes that are not known any more, with the version that they had: they are to go."""
        return self._gone

    def _add(self, name: Name, profile: Profile) -> Entry:
        while len(self._entries) >= CLASSES:
            self._evict(next(iter(self._entries)))
        self._gone.pop(name, None)
        entry = self._entries[name] = Entry(profile)
        return entry

    def _evict(self, name: Name) -> None:
        entry = self._entries.pop(name)
        if entry.version:
            self._gone[name] = entry.version


def name_of(task: Task, template: Template) -> Name:
    """The Task's class."""
    return task.namespace, profile_name(task, template.worker)


def _run(pod: Pod, template: Template, usage: Usage, *, oom: bool) -> Run:
    started = pod.started
    took = None if started is None or pod.finished is None else pod.finished - started
    ended = started if pod.finished is None else pod.finished
    return Run(
        image=template.worker.image,
        usage=usage,
        seen=pod.created if ended is None else ended,
        declared=learnable(template.worker.requests),
        requested=learnable(pod.requests),
        run_seconds=None if oom else took,
        start_seconds=None if started is None else max(0.0, started - pod.created),
        oom=oom,
    )
