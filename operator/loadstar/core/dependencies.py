"""What a Task waits for before it runs for the first time: the rules, how its dependencies stand, what follows.

Who waits for whom is `graph`'s to know. A dependency is a name until a Task of that name is seen; from then on it is
that very Task, by its uid, and another one that takes the name later is not taken for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from loadstar.core.reasons import Reason
from loadstar.core.states import State

MISSING_SECONDS: Final = 300.0
"""So long after a Task was created its dependencies may still be on their way."""
MARK_CHARACTERS: Final = 8
"""What is kept of a uid: 32 random bits, which tell a Task from the next one of its name."""
SHOWN: Final = 3
CYCLE_SHOWN: Final = 8

_UNSEEN: Final = "-"
_OPEN: Final = "o"
_DONE: Final = "d"


class Rule(StrEnum):
    """How a dependency must end."""

    SUCCESS = "Success"
    FINISHED = "Finished"
    FAILURE = "Failure"


NO_DEPENDENCIES: Final[Mapping[str, Rule]] = MappingProxyType({})

_ENDS: Final = {
    Rule.SUCCESS: {State.SUCCESS},
    Rule.FINISHED: {State.SUCCESS, State.FAILED},
    Rule.FAILURE: {State.FAILED},
}


def kept(rule: Rule, state: State) -> bool | None:
    """Whether a dependency in this state has ended as it must; None while it has not ended."""
    return state in _ENDS[rule] if state.terminal else None


@dataclass(frozen=True, slots=True)
class Seen:
    """A dependency: its name, the state of the Task that it is, why it is in it, and how it must end."""

    name: str
    state: State
    reason: str
    rule: Rule


@dataclass(frozen=True, slots=True)
class Needs:
    """How a Task's dependencies stand; of each kind the first few. `missing`: no Task of these names was ever seen;
    `missing_count` counts them all. `lost`: deleted before they ended; `doubted`: one that only seems to be. `broken`:
    ended otherwise than they must. `cycle`: the way from the Task to itself, when it is the one that closes it.
    `resolved`: all of it in short, as a status keeps it; `news`: it holds what the cluster does not show any more, and
    the status lacks it.
    """

    total: int
    done: int
    open: tuple[Seen, ...] = ()
    missing: tuple[str, ...] = ()
    missing_count: int = 0
    lost: tuple[str, ...] = ()
    doubted: str = ""
    broken: tuple[Seen, ...] = ()
    cycle: tuple[str, ...] = ()
    resolved: str = ""
    news: bool = False

    @property
    def met(self) -> bool:
        """True when nothing stands in the way."""
        return self.done == self.total and not self.cycle


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows for the Task: it waits, or (`final`) can never run. `due`: when to look again at the latest."""

    reason: Reason
    message: str
    final: bool = False
    due: float | None = None


def verdict(needs: Needs, created: float, now: float) -> Verdict:
    """Of a Task whose dependencies are not met. The first of these that holds is told."""
    if needs.cycle:
        return Verdict(Reason.DEPENDENCY_CYCLE, f"waits for itself: {spelled(needs.cycle)}", final=True)
    counted = f"{needs.done} of {needs.total} done"
    if needs.broken:
        one = needs.broken[0]
        ended = f"{one.name} ended {one.state} ({one.reason})"
        return Verdict(Reason.DEPENDENCY_FAILED, f"{ended}, and {_MUST[one.rule]}; {counted}", final=True)
    if needs.lost:
        text = f"{needs.lost[0]} was deleted before it ended; another Task of that name does not stand for it"
        return Verdict(Reason.DEPENDENCY_DELETED, f"{text}; {counted}", final=True)
    due = created + MISSING_SECONDS
    if needs.missing and now >= due:
        text = f"{counted}; there is no Task {_listed(needs.missing, needs.missing_count)}: waits until there is"
        return Verdict(Reason.DEPENDENCY_MISSING, text)
    # With the missing ones first: they are what somebody may have to do something about.
    names = (*(f"{name} (not there yet)" for name in needs.missing), *(f"{s.name} ({s.state})" for s in needs.open))
    text = f"{counted}; waits for {_listed(names[:SHOWN], needs.total - needs.done)}"
    return Verdict(Reason.WAITING_FOR_DEPENDENCIES, text, due=due if needs.missing else None)


_MUST: Final = {
    Rule.SUCCESS: "must end in SUCCESS (dependencyRules: Success)",
    Rule.FINISHED: "must end (dependencyRules: Finished)",
    Rule.FAILURE: "must end in FAILED (dependencyRules: Failure)",
}


def spelled(cycle: tuple[str, ...]) -> str:
    """A cycle from a Task back to it; of a long one the beginning and the end."""
    if len(cycle) <= CYCLE_SHOWN + 1:
        return " → ".join(cycle)
    half = CYCLE_SHOWN // 2
    shown = (*cycle[:half], f"… {len(cycle) - 1 - CYCLE_SHOWN} more …", *cycle[-half - 1 :])
    return " → ".join(shown)


def _listed(names: tuple[str, ...], count: int) -> str:
    more = count - len(names)
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")


def mark(uid: str) -> str:
    """What is kept of a uid."""
    return uid[:MARK_CHARACTERS].ljust(MARK_CHARACTERS, "_")


def write_record(cells: Iterable[tuple[str | None, bool]]) -> str:
    """For each dependency in order: the mark of the Task that it is, if one was seen, and whether it is done."""
    text = "".join(
        (_DONE if done else _OPEN) + which if which else _UNSEEN * (MARK_CHARACTERS + 1) for which, done in cells
    )
    return text if text.strip(_UNSEEN) else ""


def read_record(text: str) -> Iterator[tuple[str | None, bool]]:
    """The same again; what cannot be read was not seen."""
    width = MARK_CHARACTERS + 1
    for start in range(0, len(text) - width + 1, width):
        letter, which = text[start], text[start + 1 : start + width]
        yield (which, letter == _DONE) if letter in {_OPEN, _DONE} else (None, False)
