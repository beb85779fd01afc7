"""Which cluster is worked on: the user's own when it answers, else the test bed; and kubectl and helm for it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.cluster.bed import Bed, home
from tests.cluster.errors import BedError

OLDEST_MINOR = 32
WATCH_SECONDS = 2.0

Provider = Literal["bed", "kind", "minikube", "k3s", "other"]


@dataclass(frozen=True, slots=True)
class Target:
    """A cluster that answers. `bed` is set on a test bed; `context` is kubectl's name of it."""

    provider: Provider
    context: str
    environment: Mapping[str, str]
    bed: Bed | None = None

    def kubectl(self, *arguments: str, input_text: str | None = None, check: bool = True) -> str:
        """Run kubectl. Raises BedError with its own words."""
        return self._run("kubectl", *arguments, input_text=input_text, check=check)

    def objects(self, *arguments: str) -> list[dict[str, Any]]:
        """The items that `kubectl get` finds; none when it fails."""
        printed = self.kubectl("get", *arguments, "-o", "json", check=False)
        items: list[dict[str, Any]] = json.loads(printed)["items"] if printed.startswith("{") else []
        return items

    def helm(self, *arguments: str, progress: Callable[[], str]) -> None:
        """Run helm and meanwhile print what `progress` says, whenever that changes. Raises BedError."""
        done = threading.Event()

        def watch() -> None:
            said = ""
            while not done.wait(WATCH_SECONDS):
                if (now := progress()) and now != said:
                    print(f"   {now}", flush=True)
                    said = now

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            self._run("helm", *arguments)
        finally:
            done.set()
            watcher.join()

    def _run(self, program: str, *arguments: str, input_text: str | None = None, check: bool = True) -> str:
        # The child's PATH would not be used to find it: the bed's programs are only there.
        found = shutil.which(program, path=self.environment.get("PATH"))
        if not found:
            raise BedError(f"{program} is not on the PATH: install it, it is needed to work on {self.context}")
        done = subprocess.run(
            [found, *arguments],
            env=dict(self.environment),
            input=input_text,
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode:
            words = " ".join([program, *arguments[:5]])
            raise BedError(f"{words} failed: {(done.stderr or done.stdout).strip()[-1500:]}")
        return done.stdout


def current() -> Target | None:
    """The cluster of $KUBECONFIG or of kubectl's current context; None when there is none that answers.

    Raises BedError when $KUBECONFIG is set and its cluster does not answer, or is too old.
    """
    named = os.environ.get("KUBECONFIG")
    if not shutil.which("kubectl"):
        if named:
            raise BedError("KUBECONFIG is set, but kubectl is not on the PATH")
        return None
    target = Target("other", "the current context", dict(os.environ))
    answer = target.kubectl("version", "-o", "json", "--request-timeout=10s", check=False)
    server = json.loads(answer).get("serverVersion") if answer.startswith("{") else None
    if not server:
        if named:
            raise BedError(f"the cluster of KUBECONFIG={named} does not answer; unset KUBECONFIG to use a test bed")
        return None
    minor = "".join(letter for letter in server.get("minor", "") if letter.isdigit())
    if int(server.get("major") or 0) == 1 and int(minor or 0) < OLDEST_MINOR:
        raise BedError(f"Loadstar needs Kubernetes 1.{OLDEST_MINOR} or newer; this cluster is {server['gitVersion']}")
    return _recognised(target, named)


def of_bed(bed: Bed) -> Target:
    """A test bed that is up."""
    return Target("bed", f"test bed {bed.name}", {**os.environ, **bed.environment()}, bed)


def _recognised(target: Target, kubeconfig: str | None) -> Target:
    file = Path(kubeconfig).resolve() if kubeconfig else None
    if file and file.is_relative_to(home()):
        return of_bed(Bed(file.parent.name))
    context = target.kubectl("config", "current-context", check=False).strip() or "the current context"
    provider: Provider = "other"
    for node in target.objects("nodes"):
        if node["spec"].get("providerID", "").startswith("kind://"):
            provider = "kind"
        elif "minikube.k8s.io/name" in node["metadata"].get("labels", {}):
            provider = "minikube"
        elif "+k3s" in node["status"]["nodeInfo"]["kubeletVersion"]:
            provider = "k3s"
    return Target(provider, context, target.environment)
