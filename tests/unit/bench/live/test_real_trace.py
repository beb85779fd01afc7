"""Both policies of a pair meet the same; requests are too small and wrong by class."""

from __future__ import annotations

from bench.live.real_placement import order
from bench.live.real_trace import CORES, KINDS, NODES, OTHERS, trace
from bench.live.real_twin import hosts, jobs, twin
from loadstar.core.quantity import CPU


def test_the_seed_decides_all() -> None:
    """The same again for the same seed, other arrivals for another."""
    assert trace(1, 180, 0.3) == trace(1, 180, 0.3)
    assert trace(1, 180, 0.3).arrivals != trace(2, 180, 0.3).arrivals


def test_arrivals_are_in_order_within_the_time_and_as_many_as_asked_for() -> None:
    """The last burst may exceed it by its size; names are unique."""
    met = trace(3, 180, 0.3)
    times = [item.arrival for item in met.arrivals]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] <= 180
    assert 54 <= len(times) <= 60
    assert len({item.name for item in met.arrivals}) == len(times)


def test_tasks_declare_too_little_and_others_about_right() -> None:
    """Tasks an eighth to a half of their use, in the mean about a quarter; others within a factor of two."""
    shares = [kind.cpu / 1000 / kind.burner.cpu for kind in KINDS]
    assert min(shares) >= 1 / 8
    assert max(shares) <= 1 / 2
    assert 0.2 <= sum(shares) / len(shares) <= 0.3
    assert all(0.5 <= kind.cpu / 1000 / kind.burner.cpu <= 2 for kind in OTHERS)


def test_every_node_has_others_on_it_and_the_seed_says_which() -> None:
    """One of each; over seeds the busy ones move."""
    places = [trace(seed, 10, 0.3).others for seed in range(8)]
    assert all(sorted(found) == sorted(NODES) for found in places)
    assert all({kind.name for kind in found.values()} == {kind.name for kind in OTHERS} for found in places)
    assert len({next(node for node, kind in found.items() if kind.name == "busy") for found in places}) > 1


def test_who_goes_first_alternates() -> None:
    """Two runs of a seed are a pair."""
    assert order(5, 2) == [
        (5, "LoadAware"),
        (5, "KubeScheduler"),
        (6, "KubeScheduler"),
        (6, "LoadAware"),
    ]


def test_the_twin_has_the_same_tasks_and_nodes() -> None:
    """Arrivals later by what teaches, requests as declared, nodes as large, with what others declare."""
    met = trace(5, 60, 0.3)
    found = jobs(met, 10, 100.0)
    assert [job.arrival for job in found] == [item.arrival + 100 for item in met.arrivals]
    assert [job.declared[CPU] for job in found] == [item.kind.cpu for item in met.arrivals]
    assert [job.number for job in found] == list(range(10, 10 + len(found)))
    nodes = hosts(met)
    assert [(host.name, host.cores, host.requested[CPU]) for host in nodes] == [
        (name, CORES, met.others[name].cpu) for name in NODES
    ]


def test_the_twin_counts_only_what_comes_after_the_lesson() -> None:
    """With a busy lesson and a single Task afterwards, that Task alone is told of: it ran alone."""
    lesson, met = trace(6, 60, 0.6), trace(7, 20, 0.05)
    found = twin(met, lesson, "LoadAware", 1, 10)
    assert found.mean == 1.0
    assert found.waited == 0
