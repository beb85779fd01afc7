"""Whether a node can take a Task: only what would pin a Pod to a node that never fits.

Volumes, zones, spread and inter-Pod affinity stay kube-scheduler's, which still binds the Pod.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from loadstar.core.labels import CAPABILITY_PREFIX
from loadstar.core.model import Node, Taint, Toleration
from loadstar.core.nodes import NodeView
from loadstar.core.quantity import PODS, Quantities, show
from loadstar.core.reasons import Reason
from loadstar.core.request import Request
from loadstar.core.template import Template


class Cause(StrEnum):
    """Why a node is out, worded to follow a count ("2 cordoned")."""

    SELECTOR = "without the labels of nodeSelector"
    CAPABILITY = "without a required capability"
    TAINT = "with a taint that is not tolerated"
    NOT_READY = "not Ready"
    CORDONED = "cordoned"
    AVOIDED = "just tried without success"
    APART = "with a Task that it is to be apart from"
    TOO_SMALL = "too small for the request"
    FULL = "without room for the request now"


@dataclass(frozen=True, slots=True)
class Rejection:
    """One node's cause and what is particular about it."""

    cause: Cause
    detail: str = ""


def reject(view: NodeView, request: Request) -> Rejection | None:
    """Why this node cannot take the Task; None when it can."""
    node, template = view.node, request.template
    return (
        mismatch(node, template)
        or closed(node)
        or (Rejection(Cause.AVOIDED) if node.name in request.avoid else None)
        or (Rejection(Cause.APART) if node.name in request.apart else None)
        or no_room(view, template.requests)
    )


def mismatch(node: Node, template: Template) -> Rejection | None:
    """What of the node's labels and taints keeps the Task out."""
    for key, value in template.placement.node_selector:
        if node.labels.get(key) != value:
            return Rejection(Cause.SELECTOR, f"{key}={value}")
    for name in template.requires:
        if CAPABILITY_PREFIX + name not in node.labels:
            return Rejection(Cause.CAPABILITY, name)
    for taint in node.taints:
        # A cordon shows as a taint too; it is told apart below.
        if taint.effect == "PreferNoSchedule" or taint.key.startswith("node.kubernetes.io/"):
            continue
        if not tolerates(template.placement.tolerations, taint):
            return Rejection(Cause.TAINT, f"{taint.key}:{taint.effect}")
    return None


def tolerates(tolerations: tuple[Toleration, ...], taint: Taint) -> bool:
    """As kube-scheduler decides it."""
    return any(
        (not t.effect or t.effect == taint.effect)
        and (not t.key or t.key == taint.key)
        and (t.operator == "Exists" or t.value == taint.value)
        for t in tolerations
    )


def closed(node: Node) -> Rejection | None:
    """Whether the node takes no Pods at all."""
    if not node.ready:
        return Rejection(Cause.NOT_READY)
    if node.unschedulable:
        return Rejection(Cause.CORDONED)
    return None


def no_room(view: NodeView, requests: Quantities) -> Rejection | None:
    """Which request the node cannot hold, ever or now."""
    allocatable = view.node.allocatable
    wanted = {**requests, PODS: 1}
    for name, value in wanted.items():
        if value > allocatable.get(name, 0):
            most = f"{name} {show(name, allocatable.get(name, 0))} at most"
            return Rejection(Cause.TOO_SMALL, most)
    for name, value in wanted.items():
        left = allocatable.get(name, 0) - view.requested.get(name, 0)
        if value > left:
            return Rejection(Cause.FULL, f"{name} {show(name, max(0, left))} free")
    return None


def explain_none(rejections: Mapping[str, Rejection], requests: Quantities) -> tuple[Reason, str]:
    """Word the refusal of all nodes: "0/3 nodes: 2 cordoned, 1 without room …", and of which kind the obstacle is."""
    if not rejections:
        return Reason.NO_READY_NODE, "the cluster has no nodes yet"
    counts = Counter(rejection.cause for rejection in rejections.values())
    details: dict[Cause, str] = {}
    for cause, detail in {(rejection.cause, rejection.detail) for rejection in rejections.values()}:
        # One example, whatever the order of the nodes: the same question has the same answer.
        if detail > details.get(cause, ""):
            details[cause] = detail
    if counts[Cause.FULL]:
        reason = Reason.WAITING_FOR_CAPACITY
    elif counts[Cause.NOT_READY] or counts[Cause.CORDONED]:
        reason = Reason.NO_READY_NODE
    elif counts[Cause.TOO_SMALL]:
        reason = Reason.REQUEST_TOO_LARGE
    else:
        reason = Reason.NO_MATCHING_NODE
    asked = ", ".join(f"{name} {show(name, value)}" for name, value in sorted(requests.items()))
    asks = f"; asks for {asked}" if asked and reason in _ABOUT_SIZE else ""
    return reason, f"0/{len(rejections)} nodes: {by_cause(counts, details)}{asks}"


def by_cause(counts: Mapping[Cause, int], details: Mapping[Cause, str] | None = None) -> str:
    """Nodes by cause, the most frequent first: "2 cordoned, 1 too small for the request (cpu 4 at most)"."""
    known = details or {}
    return ", ".join(
        f"{count} {cause}" + (f" ({known[cause]})" if cause in known else "")
        for cause, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    )


_ABOUT_SIZE: Final = {Reason.WAITING_FOR_CAPACITY, Reason.REQUEST_TOO_LARGE}
