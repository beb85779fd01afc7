"""The writes that the operator makes, by the API server's own count."""

from __future__ import annotations

import re
import time

from tests.e2e.replicas import Kubectl

REST_SECONDS = 60.0
OURS = {
    "pods": {"POST"},
    "tasks/status": {"PUT", "PATCH", "APPLY"},
    "events": {"POST"},
}
"""Kubelets and the garbage collector delete Pods too, so only creations of Pods count; of Events, our API group's."""


class Writes:
    """Counts over the whole cluster."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl

    def rest(self, *kinds: str) -> float:
        """The count once nothing was added to it for some seconds: Tasks of earlier tests are still being removed."""
        end = time.monotonic() + REST_SECONDS
        while True:
            before = self.count(*kinds)
            time.sleep(3)
            if self.count(*kinds) == before:
                return before
            assert time.monotonic() < end, f"the operator writes on for {REST_SECONDS:g} s"

    def count(self, *kinds: str, code: str = "") -> float:
        """How many there were since the API server began, refused ones too. `kinds`: of these, else of all.

        `code`: those with this answer.
        """
        total = 0.0
        for line in self._kubectl("get", "--raw", "/metrics").stdout.splitlines():
            if not line.startswith("apiserver_request_total{"):
                continue
            labels = dict(re.findall(r'(\w+)="([^"]*)"', line))
            kind = "/".join(filter(None, (labels["resource"], labels["subresource"])))
            if kind == "events" and labels["group"] != "events.k8s.io":
                continue
            if kind in (kinds or OURS) and labels["verb"] in OURS[kind] and code in {"", labels["code"]}:
                total += float(line.rsplit(" ", 1)[1])
        return total
