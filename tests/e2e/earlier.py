"""The last commit whose Tasks had other fields than now: its chart and image, for an upgrade and the way back."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CRD = "crds/tasks.yaml"
TAG = "earlier"
BUILD = """
import sys
from tests.image import build
build.IMAGE = f"{build.REPOSITORY}:{sys.argv[1]}"
print(build.build(archive_only=True))
"""
BUILD_SECONDS = 400

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Earlier:
    """A checkout of that commit with its image as an OCI archive."""

    commit: str
    folder: Path

    @property
    def chart(self) -> Path:
        """Its chart."""
        return self.folder / "helm" / "loadstar"

    @property
    def archive(self) -> Path:
        """Its image, tagged differently."""
        return self.folder / "build" / "loadstar-image.tar"


def git(*words: str) -> str:
    """What git says about this checkout. Raises CalledProcessError where there is no history."""
    return subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=True).stdout


def fields(document: Json, path: str = "") -> set[str]:
    """Every field of a schema by its path."""
    found = set()
    for name, child in document.get("properties", {}).items():
        found |= {f"{path}.{name}", *fields(child, f"{path}.{name}")}
    for name in ("items", "additionalProperties"):
        if isinstance(document.get(name), dict):
            found |= fields(document[name], f"{path}[]")
    return found


def task_fields(text: str) -> set[str]:
    """Every field of the Task in the text of its CRD."""
    return fields(yaml.safe_load(text)["spec"]["versions"][0]["schema"]["openAPIV3Schema"])


def find() -> str:
    """The commit, or the one that $EARLIER names. Raises LookupError when the history does not reach back to one."""
    if named := os.environ.get("EARLIER"):
        return named
    now = task_fields((ROOT / CRD).read_text())
    try:
        commits = git("log", "--format=%H", "--", CRD).split()
        for commit in commits:
            before = git("rev-parse", f"{commit}^").strip()
            if task_fields(git("show", f"{before}:{CRD}")) != now:
                return before
    except subprocess.CalledProcessError as error:
        raise LookupError(f"the history ends: {error.stderr}") from error
    raise LookupError("no commit had other fields")


@contextmanager
def checkout() -> Iterator[Earlier]:
    """Check it out and build its image; nothing of it stays."""
    commit = find()
    with TemporaryDirectory(prefix="loadstar-earlier-") as parent:
        folder = Path(parent) / "tree"
        git("worktree", "add", "--detach", str(folder), commit)
        try:
            (folder / "build").mkdir(exist_ok=True)
            (folder / "build" / "uv").symlink_to(ROOT / "build" / "uv")
            environment = {**os.environ, "PYTHONPATH": f"{folder}:{folder / 'operator'}"}
            subprocess.run(
                [sys.executable, "-c", BUILD, TAG], cwd=folder, env=environment, check=True, timeout=BUILD_SECONDS
            )
            yield Earlier(commit, folder)
        finally:
            git("worktree", "remove", "--force", str(folder))
