"""A program's key: the same for the same pins, another for anything that could change the result."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.cluster import binaries
from tests.cluster.binaries import PROGRAMS, Program
from tests.cluster.errors import BedError

PROGRAM = Program("tool", "module", "example.org/tool")


@pytest.fixture(autouse=True)
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tools"
    (folder / "module").mkdir(parents=True)
    (folder / "module" / "go.mod").write_text("module example.org\n")
    (folder / "module" / "go.sum").write_text("")
    monkeypatch.setattr(binaries, "TOOLS", folder)
    monkeypatch.setattr(binaries, "_GO_VERSION", ["go1.26.8"])
    return folder


def test_key_is_stable() -> None:
    """The same pins, flags and compiler give the same key."""
    assert PROGRAM.key == Program("tool", "module", "example.org/tool").key


def test_key_follows_pins_flags_and_compiler(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of go.mod, go.sum, package, flags and Go's version changes the key."""
    keys = {PROGRAM.key, replace(PROGRAM, flags="-s").key, replace(PROGRAM, package="example.org/other").key}
    (tools / "module" / "go.mod").write_text("module example.org/changed\n")
    keys.add(PROGRAM.key)
    (tools / "module" / "go.sum").write_text("changed\n")
    keys.add(PROGRAM.key)
    monkeypatch.setattr(binaries, "_GO_VERSION", ["go1.27.0"])
    keys.add(PROGRAM.key)
    assert len(keys) == 6


def test_cache_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """XDG_CACHE_HOME is honoured."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert PROGRAM.path == tmp_path / "loadstar" / "bin" / "store" / f"tool-{PROGRAM.key}"


def test_no_go_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Go the message says which version to install."""
    monkeypatch.setattr(binaries, "_GO_VERSION", [])
    monkeypatch.setenv("PATH", "")
    with pytest.raises(BedError, match=r"needs Go 1\.26"):
        binaries.go_version()


def test_the_kubernetes_pin_is_the_stamped_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """The version that the programs tell is the one in go.mod."""
    monkeypatch.undo()
    text = (binaries.TOOLS / "kubernetes" / "go.mod").read_text()
    assert f"k8s.io/kubernetes {binaries.KUBERNETES_VERSION}" in text
    assert all((binaries.TOOLS / program.module / "go.sum").exists() for program in PROGRAMS)
