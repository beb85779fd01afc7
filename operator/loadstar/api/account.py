"""How a Task sees a node, as an object of JSON: for `loadstar why -o json`."""

from __future__ import annotations

from typing import Any

from loadstar.api.standing import term_document
from loadstar.core.account import Account
from loadstar.core.prediction import Term

Json = dict[str, Any]


def account_document(value: Account) -> Json:
    """A node with the Task on it; shares of allocatable, not rounded to fewer digits than the status has."""
    score, prediction = value.score, value.prediction
    document: Json = {
        "name": score.node,
        "fits": value.rejection is None,
        "class": score.node_class.value,
        "because": value.because,
        "score": round(score.total, 4),
        "rank": round(score.rank, 4),
        "weights": {"cpu": score.weights.cpu, "memory": score.weights.memory, "io": score.weights.io},
        "cpu": _term(prediction.cpu, score.cpu, value.own_cpu),
        "memory": _term(prediction.memory, score.memory, value.own_memory),
    }
    if prediction.io is not None and score.io is not None:
        document["io"] = _term(prediction.io, score.io, value.own_io)
    if score.sample_age is not None:
        document["sampleAgeSeconds"] = int(score.sample_age)
    if value.rejection is not None:
        document["rejection"] = {"cause": str(value.rejection.cause), "detail": value.rejection.detail}
    return document


def _term(term: Term, share: float, own: float) -> Json:
    return {**term_document(term), "margin": round(term.risk, 4), "own": round(own, 4), "withTask": round(share, 4)}
