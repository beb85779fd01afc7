"""`loadstar simulate` answers which strategy, which weights, how many nodes."""

from __future__ import annotations

import sys
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from loadstar.cli import main


def simulate(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["simulate", *arguments])


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """Twelve Tasks of a core at once, and four nodes of two cores."""
    tasks, nodes = tmp_path / "tasks.csv", tmp_path / "nodes.csv"
    tasks.write_text("arrival,seconds,cpu\n" + "0,10,1\n" * 12)
    nodes.write_text("name,cpu,memory\n" + "".join(f"n{number},2,8Gi\n" for number in range(4)))
    return str(tasks), str(nodes)


def test_a_table_and_the_advice(files: tuple[str, str]) -> None:
    """Of every strategy and weights on every count of nodes, the best first, and what follows from it."""
    tasks, nodes = files
    found = simulate(
        "--tasks", tasks, "--nodes", nodes, "--strategy", "LoadAware", "--strategy", "RoundRobin",
        "--weights", "0.5/0.3/0.2", "--weights", "1/0/0", "--count", "4", "--count", "6",
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    lines = found.output.splitlines()
    assert lines[0].split()[:3] == ["NODES", "STRATEGY", "WEIGHTS"]
    assert [line.split()[0] for line in lines[1:7]] == ["4"] * 3 + ["6"] * 3
    assert any(line.startswith("6 nodes are the fewest") for line in lines)


def test_the_same_as_an_object(files: tuple[str, str]) -> None:
    """With every run."""
    tasks, nodes = files
    found = simulate("--tasks", tasks, "--nodes", nodes, "--strategy", "LoadAware", "--seeds", "2", "-o", "json")
    document = orjson.loads(found.output)
    (trial,) = document["trials"]
    assert (trial["nodes"], trial["strategy"], trial["tasks"], len(trial["runs"])) == (4, "LoadAware", 12, 2)
    assert document["advice"]


def test_bad_rows_are_told_and_nothing_is_run(tmp_path: Path) -> None:
    """By line, with what is allowed."""
    tasks = tmp_path / "tasks.csv"
    tasks.write_text("arrival,seconds,cpu\n0,10,1\n0,ten,1\n")
    found = simulate("--tasks", str(tasks))
    assert found.exit_code == 1
    assert "line 3: seconds is 'ten': must be how long it runs" in found.output


@pytest.mark.parametrize("weights", ["0.5/0.5", "a/b/c", "0.9/0.3/0.2", "2/-1/0", "nan/0/1"])
def test_weights_that_are_none_are_told(weights: str) -> None:
    """With what they must be."""
    found = simulate("--weights", weights)
    assert found.exit_code == 2
    assert "must be three numbers" in found.output or "must sum to 1" in found.output


def test_loads_without_nodes_are_told(files: tuple[str, str]) -> None:
    """They name nodes of the file."""
    found = simulate("--loads", files[0])
    assert found.exit_code == 2
    assert "give both" in found.output


def test_without_matplotlib_a_plot_is_refused_at_once(
    files: tuple[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Before anything is run, with how to get it."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    found = simulate("--tasks", files[0], "--plot", str(tmp_path / "a.png"))
    assert found.exit_code == 1
    assert "loadstar[plots]" in found.output
