"""How nodes stand, as objects of the wire: for the PlacementPolicy's status, and for whoever asks for JSON."""

from __future__ import annotations

from typing import Any

from loadstar.api.convert import MESSAGE_CHARACTERS, MOST
from loadstar.core.claims import Claim
from loadstar.core.prediction import Term
from loadstar.core.quantity import CPU, MEMORY, show
from loadstar.core.standing import Standing, Topology, Totals

Json = dict[str, Any]


def topology_document(value: Topology) -> Json:
    """The part of the policy's status that is about nodes."""
    return {
        "totals": totals_document(value.totals),
        "best": [standing_document(item) for item in value.best],
        "worst": [standing_document(item) for item in value.worst],
        "kept": [claim_document(item) for item in value.kept],
    }


def claim_document(value: Claim) -> Json:
    """A node that is kept for a Task."""
    requests = {name: show(name, value.requests[name]) for name in (CPU, MEMORY) if name in value.requests}
    return {"node": value.node, "task": "/".join(value.key), **requests}


def totals_document(value: Totals) -> Json:
    """All nodes in sum."""
    return {
        "nodes": value.nodes,
        "fresh": value.fresh,
        "unknown": value.unknown,
        "hot": value.hot,
        "quarantined": value.quarantined,
        "closed": value.closed,
        "tasks": min(value.tasks, MOST),
        "deviation": round(value.deviation, 3),
        "reservedCpu": _signed(CPU, value.reserved_cpu),
        "reservedMemory": _signed(MEMORY, value.reserved_memory),
    }


def standing_document(value: Standing) -> Json:
    """One node."""
    score, prediction = value.score, value.prediction
    document = {
        "name": score.node,
        "class": score.node_class.value,
        "score": round(score.total, 4),
        "cpu": term_document(prediction.cpu),
        "memory": term_document(prediction.memory),
        "tasks": min(value.tasks, MOST),
    }
    if prediction.io is not None:
        document["io"] = term_document(prediction.io)
    if score.sample_age is not None:
        document["sampleAgeSeconds"] = min(int(score.sample_age), MOST)
    if value.because:
        document["because"] = value.because[:MESSAGE_CHARACTERS]
    return document


def term_document(value: Term) -> Json:
    """One resource: shares of allocatable."""
    return {
        "predicted": round(value.total, 4),
        "measured": round(value.measured, 4),
        "reserved": round(value.reserved, 4),
    }


def _signed(name: str, value: int) -> str:
    return f"-{show(name, -value)}" if value < 0 else show(name, value)
