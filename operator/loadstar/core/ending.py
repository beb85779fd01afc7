"""How a Pod's end is to be read: success, a failure of its own, or a disruption that spends no attempt.

An exit code alone does not tell them apart: 137 is the OOM killer, an eviction or a plain kill. What follows from
the verdict is `reconcile`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from loadstar.core.model import Phase, Pod
from loadstar.core.reasons import Reason


class Verdict(Enum):
    """What an end counts as."""

    SUCCESS = auto()
    FAILURE = auto()
    DISRUPTION = auto()
    DEADLINE = auto()


@dataclass(frozen=True, slots=True)
class End:
    """A verdict with the reason and the sentence that a status shows."""

    verdict: Verdict
    reason: Reason
    message: str


_NODE_REASONS: Final = {"Evicted", "NodeShutdown", "Shutdown", "Terminated", "NodeLost", "Preempting"}
_LOW_MEMORY: Final = "low on resource: memory"
"""How a kubelet words that it evicts for memory: first of all whoever uses more than it requested."""
_START_REASONS: Final = {"StartError", "ContainerCannotRun"}
_OWN_LIMIT: Final = ("exceeds the limit", "exceeds the total limit", "exceeded its local ephemeral storage limit")
"""How a kubelet words that a Pod used more ephemeral storage than its own limits; nothing else tells it apart."""


def read_end(pod: Pod) -> End:
    """Judge a Pod that has ended (`pod.ended`)."""
    if pod.phase is Phase.SUCCEEDED:
        return End(Verdict.SUCCESS, Reason.COMPLETED, "exit code 0")
    if pod.phase is not Phase.FAILED:
        return _vanished(pod)
    if pod.disruption:
        return End(Verdict.DISRUPTION, Reason.DISRUPTED, _join(f"disrupted: {pod.disruption}", pod.end_message))
    if pod.end_reason == "DeadlineExceeded":
        return End(Verdict.DEADLINE, Reason.DEADLINE_EXCEEDED, "ran longer than timeouts.runSeconds")
    if pod.end_reason == "Evicted" and any(words in pod.end_message for words in _OWN_LIMIT):
        return End(Verdict.FAILURE, Reason.STORAGE_EXCEEDED, pod.end_message)
    if pod.started is None and pod.exit_code is None:
        # Nothing ran, so nothing can have been done twice: another node may take it at once.
        why = _join(f"{pod.node or 'no node'} turned the Pod away", pod.end_reason, pod.end_message)
        return End(Verdict.DISRUPTION, Reason.NODE_REFUSED, why)
    if pod.deleting or pod.end_reason in _NODE_REASONS:
        why = "deleted while it ran" if pod.deleting else pod.end_reason
        return End(Verdict.DISRUPTION, Reason.DISRUPTED, _join(why, pod.end_message))
    if pod.end_reason == "OOMKilled":
        return End(Verdict.FAILURE, Reason.OOM_KILLED, "the container used more memory than its limit")
    if pod.end_reason in _START_REASONS:
        return End(Verdict.FAILURE, Reason.MISCONFIGURED, _join("the container could not start", pod.end_message))
    return End(Verdict.FAILURE, Reason.WORKER_FAILED, _join(f"exit code {pod.exit_code}", pod.end_message))


def short_of_memory(pod: Pod) -> bool:
    """True for a Pod that ended since there was too little memory for it: at its limit, or on its node."""
    if pod.end_reason == "Evicted":
        return _LOW_MEMORY in pod.end_message
    # Where a node runs out of memory, a container that goes on to succeed can carry that reason too.
    return pod.end_reason == "OOMKilled" and pod.phase is not Phase.SUCCEEDED


def _vanished(pod: Pod) -> End:
    if not pod.node:
        return End(Verdict.DISRUPTION, Reason.NEVER_BOUND, _join("the Pod was not bound in time", pod.unschedulable))
    if pod.deleting:
        return End(Verdict.DISRUPTION, Reason.DISRUPTED, "the Pod was deleted before it ended")
    return End(Verdict.DISRUPTION, Reason.POD_LOST, "the Pod is gone and its end was not seen")


def _join(*parts: str) -> str:
    return ": ".join(part.strip() for part in parts if part.strip())[:1024]
