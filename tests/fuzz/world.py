"""What the kinds of fuzz share: the API server, the record of what happens, and the book of what was wrong."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from tests.fuzz.api import TASKS, Answer, Api
from tests.fuzz.cases import Case
from tests.fuzz.recorder import Recorder, key_of

Json = dict[str, Any]

NAMESPACE: Final = "fuzz"
OTHER: Final = "fuzz-other"
TAKEN_SECONDS: Final = 25.0
"""A wait is worth a write after 5 s, and such writes are at most so many a second."""
MOST_WRITES: Final = 30
MOST_PODS: Final = 8
TERMINAL: Final = {"SUCCESS", "FAILED"}
_HELPFUL: Final = re.compile(
    r"must |should |supported values|[Rr]equired|unknown field|[Dd]uplicate|[Tt]oo long|[Tt]oo many|at most|less than"
    r"|cannot unmarshal|may not|immutable|invalid character|not allowed|expected|limit|strict decoding|no kind|quantit"
    r"|name or generateName|invalid value|cannot be handled|decoding error|Invalid value|invalid JSON|already exists",
)


@dataclass(slots=True)
class Book:
    """What was wrong, by object, and how the API server answered."""

    answers: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    faults: list[Json] = field(default_factory=list)
    note: Callable[[str], None] = print

    def fault(self, case: Case | None, text: str, detail: Any = None) -> None:
        """Write one down."""
        entry: Json = {"text": text}
        if case is not None:
            entry = {"index": case.index, "kind": case.kind, "what": case.what, **entry}
        if detail is not None:
            entry["detail"] = detail
        self.faults.append(entry)
        where = f"object {case.index} ({case.kind}: {case.what})" if case else "the operator"
        self.note(f"FAULT {where}: {text}")


@dataclass(slots=True)
class World:
    """One run."""

    api: Api
    recorder: Recorder
    book: Book

    def judge(self, case: Case, answer: Answer) -> bool:
        """Count an answer; True when the object was accepted. A refusal must be a 4xx that says what is allowed."""
        self.book.answers[case.kind]["accepted" if answer.ok else "refused"] += 1
        if answer.code >= 500:
            self.book.fault(case, f"the API server answered {answer.code}", answer.message[:600])
        elif not answer.ok and not _HELPFUL.search(answer.message):
            self.book.fault(case, f"refused ({answer.code}) without a word on what is allowed", answer.message[:600])
        return answer.ok

    async def create(self, name: str, spec: Any, meta: Json | None = None, namespace: str = NAMESPACE) -> Answer:
        """Make a Task."""
        head = {"name": name, "namespace": namespace, **(meta or {})}
        body = {"apiVersion": "loadstar.dev/v1alpha1", "kind": "Task", "metadata": head, "spec": spec}
        return await self.api.create(TASKS.format(namespace), body)

    async def taken(self, case: Case, task: Json, seconds: float = TAKEN_SECONDS) -> Json | None:
        """The Task once the operator has written a state and a reason; a fault when it does not in time."""
        key = key_of(task)
        found = await self.recorder.in_time(task, was_taken, seconds)
        if found is None and key in self.recorder.tasks:
            status = self.recorder.tasks[key].get("status")
            self.book.fault(case, f"no state and reason of the operator's after {seconds:g} s", status)
        return found

    async def remove(self, case: Case, task: Json) -> None:
        """Delete a Task after a look at what it cost and whether its Pods ever overlapped."""
        recorder = self.recorder
        if (writes := recorder.writes[task["metadata"]["uid"]]) > MOST_WRITES:
            self.book.fault(
                case, f"written {writes} times: a hot loop", recorder.tasks.get(key_of(task), {}).get("status")
            )
        if (pods := recorder.count_made(task)) > MOST_PODS:
            self.book.fault(case, f"{pods} Pods made: a hot loop", recorder.tasks.get(key_of(task), {}).get("status"))
        if words := recorder.overlap(task):
            self.book.fault(case, f"two Pods of the Task {words}")
        meta = task["metadata"]
        path = f"{TASKS.format(meta['namespace'])}/{meta['name']}"
        if meta.get("finalizers"):
            await self.api.patch(path, {"metadata": {"finalizers": None}})
        await self.api.delete(path)
        recorder.forget(task)


def was_taken(task: Json) -> bool:
    """True once the operator has written its status."""
    status = task.get("status") or {}
    return bool(status.get("state") and status.get("reason") and status.get("conditions"))


def ended(task: Json) -> bool:
    """True in a final state."""
    return (task.get("status") or {}).get("state") in TERMINAL
