"""Mutating calls by the API server's own count, without an audit log, which would cost more than what it counts."""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple, Self

MUTATING = {"POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION"}
_LABEL = re.compile(r'(\w+)="([^"]*)"')


class Call(NamedTuple):
    """One kind of call."""

    verb: str
    group: str
    resource: str
    subresource: str = ""


class Calls(Counter[Call]):
    """How often each was made. Leases are left out: they go by time, not by work."""

    refused: int = 0

    @classmethod
    def read(cls, metrics: str) -> Self:
        """Add up `apiserver_request_total`."""
        calls = cls()
        for line in metrics.splitlines():
            if not line.startswith("apiserver_request_total{"):
                continue
            labels = dict(_LABEL.findall(line))
            if labels["verb"] not in MUTATING or labels["resource"] == "leases":
                continue
            count = int(float(line.rsplit(" ", 1)[1]))
            calls[Call(labels["verb"], labels["group"], labels["resource"], labels["subresource"])] += count
            if labels["code"][:1] in "45":
                calls.refused += count
        return calls

    def since(self, before: Calls) -> Calls:
        """What was added."""
        added = Calls({call: count - before[call] for call, count in self.items() if count > before[call]})
        added.refused = self.refused - before.refused
        return added

    def of(self, group: str, resource: str, subresource: str = "") -> int:
        """All writes of one resource but deletions: among them are the garbage collector's, after an earlier run."""
        wanted = (group, resource, subresource)
        return sum(count for call, count in self.items() if call[1:] == wanted and not call.verb.startswith("DELETE"))

    def table(self) -> dict[str, int]:
        """By name, most first."""
        return {
            f"{call.verb} {'/'.join(filter(None, (call.group, call.resource, call.subresource)))}": count
            for call, count in self.most_common()
        }
