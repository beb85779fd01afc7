"""Which calls count as whose."""

from __future__ import annotations

from bench.throughput.calls import Call, Calls
from bench.throughput.rivals import Job, Loadstar


def line(verb: str, group: str, resource: str, count: int, *, subresource: str = "", code: int = 200) -> str:
    labels = f'code="{code}",group="{group}",resource="{resource}",subresource="{subresource}",verb="{verb}"'
    return f"apiserver_request_total{{{labels}}} {count}"


METRICS = "\n".join(
    [
        line("GET", "", "pods", 50),
        line("PUT", "coordination.k8s.io", "leases", 70),
        line("POST", "loadstar.dev", "tasks", 10),
        line("PUT", "loadstar.dev", "tasks", 29, subresource="status"),
        line("PUT", "loadstar.dev", "tasks", 1, subresource="status", code=409),
        line("POST", "", "pods", 10, code=201),
        line("POST", "", "pods", 10, subresource="binding"),
        line("PATCH", "", "pods", 20, subresource="status"),
        line("POST", "events.k8s.io", "events", 12),
        line("PUT", "batch", "jobs", 8, subresource="status"),
        line("PATCH", "", "pods", 5),
        line("DELETE", "", "pods", 40),
        line("POST", "", "events", 4),
        'apiserver_request_slo_duration_seconds_count{verb="POST"} 9',
    ]
)


def test_reads_and_leases_do_not_count() -> None:
    """Only mutating calls are counted, and not those that go by time."""
    calls = Calls.read(METRICS)
    assert calls[Call("GET", "", "pods")] == 0
    assert calls.of("coordination.k8s.io", "leases") == 0
    assert calls.refused == 1


def test_each_controller_answers_for_its_own_calls() -> None:
    """A Task's writes are statuses, Pods and the Events that are not the scheduler's; a Job's the same of its kind."""
    calls = Calls.read(METRICS)
    assert Loadstar(1).own(calls) == {"tasks/status": 30, "pods": 15, "events": 2}
    assert Job(1).own(calls) == {"jobs/status": 8, "pods": 15, "events": 4}


def test_only_what_was_added_counts() -> None:
    """A run is charged with the difference."""
    before = Calls.read(line("POST", "", "pods", 4))
    added = Calls.read(METRICS).since(before)
    assert added[Call("POST", "", "pods")] == 6
    assert Calls.read(METRICS).since(Calls.read(METRICS)).total() == 0
