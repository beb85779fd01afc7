"""The objects of a run, each a function of the seed and its number: one can be made again without the others."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any, Final

from tests.fuzz import bases, payloads
from tests.fuzz.drawing import draw, strategy
from tests.fuzz.mutations import mutate
from tests.fuzz.schema import policy_spec, queue_spec, task_spec

Json = dict[str, Any]

WEIGHTS: Final = {
    "task by schema": 9,
    "task by field": 44,
    "edit": 14,
    "status by schema": 6,
    "status giant": 4,
    "pod": 9,
    "policy by schema": 1,
    "policy by field": 4,
    "queue by schema": 1,
    "queue by field": 2,
    "metrics": 3,
    "node": 3,
}
"""How often of a hundred."""
DRAWN: Final = {
    "task by schema": "spec",
    "status by schema": "status",
    "policy by schema": "policy",
    "queue by schema": "queue",
}
WINDOW: Final = 100
"""So many numbers share one call of hypothesis for each kind that is drawn."""
PROCESSES: Final = 2


@dataclass(frozen=True, slots=True)
class Case:
    """One fuzzed object: what kind, what is odd in words, and what the run of that kind needs."""

    index: int
    kind: str
    what: str
    body: Json = field(hash=False)


@contextmanager
def drawn(seed: int, count: int) -> Iterator[list[Future[list[Case]]]]:
    """All objects of a run, a window at a time: drawing is slow, so other processes do it while the first are run."""
    windows = [range(start, min(start + WINDOW, count)) for start in range(0, count, WINDOW)]
    context = get_context("forkserver")
    with ProcessPoolExecutor(PROCESSES, mp_context=context) as pool:
        futures = [pool.submit(_window, seed, window) for window in windows]
        try:
            yield futures
        finally:
            for future in futures:
                future.cancel()


def one(seed: int, index: int) -> Case:
    """The object of this number alone."""
    return _window(seed, range(index, index + 1))[0]


def kind_of(seed: int, index: int) -> str:
    """The kind of the object of this number."""
    return _dice(seed, index).choices(list(WEIGHTS), list(WEIGHTS.values()))[0]


def _dice(seed: int, index: int) -> random.Random:
    return random.Random(f"{seed}/{index}")


def _window(seed: int, indices: range) -> list[Case]:
    """What is drawn is drawn for a whole window, however much of it is asked for: so `one` gives the same."""
    start = indices.start - indices.start % WINDOW
    kinds = [kind_of(seed, index) for index in range(start, start + WINDOW)]
    asked = {kind_of(seed, index) for index in indices}
    drawn = {
        kind: draw(strategy(name), random.Random(f"{seed}/{kind}/{start}").getrandbits(63), kinds.count(kind))
        for kind, name in DRAWN.items()
        if kind in asked
    }
    result = []
    for index in indices:
        kind = kinds[index - start]
        values = drawn.get(kind)
        place = kinds[: index - start].count(kind)
        result.append(_case(index, kind, _dice(seed, index), values[place % len(values)] if values else None))
    return result


def _case(index: int, kind: str, dice: random.Random, drawn: Any) -> Case:  # noqa: C901 - one case a kind
    dice.random()
    match kind:
        case "task by schema":
            spec = dict(drawn)
            if dice.random() < 0.6 and "worker" not in spec:
                spec["worker"] = bases.worker()
            return Case(index, kind, "by schema", {"spec": spec})
        case "task by field":
            return _task_by_field(index, kind, dice)
        case "edit":
            what, body = bases.edit(dice)
            return Case(index, kind, what, body)
        case "status by schema":
            return Case(index, kind, "by schema", {"status": drawn, "held": dice.random() < 0.5})
        case "status giant":
            return Case(index, kind, "giant", {"status": payloads.giant_status(dice), "held": dice.random() < 0.5})
        case "pod":
            what = dice.choice(payloads.POD_ATTACKS)
            return Case(index, kind, what, {"attack": what, "text": dice.choice(payloads.LABELS)})
        case "policy by schema" | "queue by schema":
            return Case(index, kind, "by schema", {"spec": drawn})
        case "policy by field":
            made = mutate(bases.policy(), policy_spec(), dice)
            return Case(index, kind, made.what, {"spec": made.document})
        case "queue by field":
            made = mutate(bases.queue(), queue_spec(), dice)
            return Case(index, kind, made.what, {"spec": made.document})
        case "metrics":
            what, items = payloads.metrics(dice)
            return Case(index, kind, what, {"text": items})
        case _:
            what, node = payloads.node(dice)
            return Case(index, kind, what, {"node": node})


def _task_by_field(index: int, kind: str, dice: random.Random) -> Case:
    made = mutate(dice.choice(bases.SPECS)(), task_spec(), dice)
    body: Json = {"spec": made.document}
    what = made.what
    if dice.random() < 0.08:
        what, body["metadata"] = payloads.metadata(dice)
        body["spec"] = dice.choice(bases.SPECS)()
    return Case(index, kind, what, body)
