"""A burner does the same work wherever it runs, in just its time where nothing contends."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from bench.live.real_burner import SCRIPT, Burner, counted_per_second, since_boot, told

busybox = pytest.mark.skipif(shutil.which("busybox") is None, reason="there is no busybox")


def test_work_is_a_number_to_count_to_and_not_a_time() -> None:
    """In every slot a burner counts to its share of what a core counts to; slots make up its time."""
    worker = Burner(0.04, 20, mib=24, kib=64).worker(1_000_000, {"cpu": "10m"})
    numbers = {item["name"]: int(item["value"]) for item in worker["env"]}
    assert numbers == {"SLOTS": 40, "SLOT": 50, "COUNT": 20_000, "MIB": 24, "KIB": 64}
    assert worker["resources"] == {"requests": {"cpu": "10m"}}
    assert Burner(0.04, 20).work == 20


@busybox
def test_the_script_runs_as_long_as_its_slots_and_says_when(tmp_path: Path) -> None:
    """Its last breath has the times between which it ran, by the clock of the bench."""
    breath = tmp_path / "breath"
    script = SCRIPT.replace("/dev/termination-log", str(breath))
    numbers = {"SLOTS": "3", "SLOT": "10", "COUNT": "100", "MIB": "0", "KIB": "0"}
    before = since_boot()
    subprocess.run(["busybox", "sh", "-c", script], env={**os.environ, **numbers}, check=True, timeout=60)
    found = told(breath.read_text())
    assert found is not None
    assert before - 0.02 <= found.began <= found.ended <= since_boot() + 0.02
    assert found.ended - found.began >= 0.29


@pytest.mark.parametrize("message", ["", "killed", "{}", '{"began": "x"}', "[1]"])
def test_what_is_no_burners_word_is_told_apart(message: str) -> None:
    """A container that was killed says nothing, or anything."""
    assert told(message) is None


@busybox
def test_a_machine_counts() -> None:
    """The number is of this machine, and above what any could not do."""
    assert counted_per_second() > 1000
