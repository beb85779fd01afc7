"""How a bed's parts are set, apart from its shape: for measurements that ask other things of it than tests do."""

from __future__ import annotations

from dataclasses import dataclass

NODE_PODS = 110


@dataclass(frozen=True, slots=True)
class Tuning:
    """The settings a bed is brought up with; the defaults suit tests. Who calls `up` knows them: nothing keeps them."""

    node_lease_seconds: int = 40
    """How long a simulated node's Lease lasts; it is renewed after a quarter of that."""
    node_grace_seconds: int | None = None
    """After how many silent seconds a node is NotReady; None leaves the controller-manager's default."""
    job_syncs: int | None = None
    """How many Jobs the controller-manager works on at once; None leaves its default."""
    gc_percent: int | None = None
    """By how many % the API server's heap may grow before it is collected (GOGC); None leaves Go's default, 100.

    A small heap, as a bed has it, is collected far more often than one in production.
    """
    finished_pods: int | None = None
    """From how many finished Pods on the controller-manager removes some; None leaves its default."""
    metric_seconds: int = 10
    """How often metrics-server reads every node."""
    simulated_kubelets: int | None = None
    """The port of the host at which somebody answers for the kubelets of simulated nodes; None: KWOK answers itself."""
    node_pods: int = NODE_PODS
    """How many Pods a simulated node takes."""

    def controller_flags(self) -> list[str]:
        """What the controller-manager is told beyond the usual."""
        told = {
            "node-monitor-grace-period": None if self.node_grace_seconds is None else f"{self.node_grace_seconds}s",
            "concurrent-job-syncs": self.job_syncs,
            "terminated-pod-gc-threshold": self.finished_pods,
        }
        return [f"--{name}={value}" for name, value in told.items() if value is not None]


PLAIN = Tuning()
