"""`loadstar replay` over files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import orjson
from click.testing import CliRunner, Result

from loadstar.api.decisions import line
from loadstar.cli import main
from loadstar.core.policy import Policy
from tests.unit.core.builders import NOW, ledger, request, view
from tests.unit.core.test_record import decided


def log(path: Path) -> Path:
    """Three decisions about two Tasks, and an empty line."""
    book = ledger(view("a", 0.2), view("b", 0.3))
    kept = [decided(book, request(uid=f"u{number}"), Policy(), NOW) for number in range(3)]
    kept[2] = replace(kept[2], task=("ns", "other"))
    path.write_bytes(b"\n".join(line(one) for one in kept))
    return path


def replayed(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["replay", *map(str, arguments)])


def test_all_the_same(tmp_path: Path) -> None:
    """Each decision is told with what it was made of; the exit code is 0."""
    result = replayed(log(tmp_path / "log"))
    assert result.exit_code == 0
    assert "1970-01-12T13:46:40Z ns/t: a, by all 2 nodes: the same" in result.output
    assert result.output.endswith("3 decisions: 3 the same, 0 not\n")


def test_one_task(tmp_path: Path) -> None:
    """--task takes its decisions alone; that there is none is an error, not a success."""
    path = log(tmp_path / "log")
    assert "1 decisions: 1 the same" in replayed(path, "--task", "ns/other").output
    nobody = replayed(path, "--task", "ns/nobody")
    assert (nobody.exit_code, "has no decision about ns/nobody" in nobody.output) == (1, True)


def test_what_would_be_otherwise(tmp_path: Path) -> None:
    """A record that was edited answers "what if": the other answer is said, and the exit code is 1."""
    path = log(tmp_path / "log")
    lines = [orjson.loads(text) for text in path.read_bytes().splitlines() if text]
    lines[0]["nodes"]["a"]["node"]["unschedulable"] = True
    path.write_bytes(b"\n".join(orjson.dumps(one) for one in lines))
    result = replayed(path)
    assert result.exit_code == 1
    assert "ns/t: a, by all 2 nodes: not the same: was a, is b" in result.output
    assert result.output.endswith("3 decisions: 2 the same, 1 not\n")


def test_bad_files_are_refused(tmp_path: Path) -> None:
    """With the place and the cause."""
    path = tmp_path / "log"
    path.write_text("{}\n")
    result = replayed(path)
    assert (result.exit_code, "line 1: no record of format 1" in result.output) == (1, True)
    path.write_text("")
    assert "is empty" in replayed(path).output
    assert replayed(tmp_path / "absent").exit_code == 2
