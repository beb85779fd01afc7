"""What a bed remembers, and who may change it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster import facts
from tests.cluster.bed import Bed
from tests.cluster.errors import BedError
from tests.cluster.facts import Facts, lock


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LOADSTAR_BED_DIR", str(tmp_path))
    return tmp_path


def test_facts_are_read_as_written(home: Path) -> None:
    """Nothing is lost on the way through the file."""
    (home / "one").mkdir()
    known = Facts(3, "/bin", 2, simulated=5, notes=("a note",), complete=True)
    known.write(home / "one")
    assert facts.read(home / "one") == known
    assert facts.slots() == {3}


@pytest.mark.parametrize("text", ["", "{", "{}", '{"slot": 0, "bin": "/bin", "nodes": 3, "simulated": 0}'])
def test_half_written_and_older_facts_count_as_none(home: Path, text: str) -> None:
    """Such a bed can only be taken down, or made anew by `up`."""
    (home / "facts.json").write_text(text)
    assert facts.read(home) is None


def test_a_bed_that_is_down_says_how_to_bring_it_up() -> None:
    """Every command but up and down answers with the command that helps."""
    bed = Bed("none")
    assert bed.status() == {}
    with pytest.raises(BedError, match="up --name none"):
        bed.component("etcd")
    with pytest.raises(BedError, match="is down"):
        bed.load_image(Path("image.tar"))


@pytest.mark.parametrize("name", ["", "Default", "two words", "a" * 13, "../x", "a-b"])
def test_names_that_would_not_fit_are_refused(name: str) -> None:
    """A bed's name becomes part of interfaces, namespaces and paths."""
    with pytest.raises(BedError, match="a-z and 0-9"):
        Bed(name)


def test_one_at_a_time() -> None:
    """Who waits too long for a lock is told what is going on; afterwards it is free again."""
    with lock("unit test", 0), pytest.raises(BedError, match="another process"), lock("unit test", 0.1):
        pass
    with lock("unit test", 0):
        pass
