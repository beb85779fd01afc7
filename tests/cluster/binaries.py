"""The cluster's programs, built once from pinned Go modules and kept in the user's cache by version.

`tools/<module>/go.mod` names the programs by its `tool` directives and pins every dependency.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.errors import BedError

TOOLS = Path(__file__).parent / "tools"
KUBERNETES_VERSION = "v1.37.2"
STRIP = "-s -w"
STAMP = (
    f"{STRIP} -X k8s.io/component-base/version.gitVersion={KUBERNETES_VERSION} "
    "-X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=37"
)
"""Unstamped, clients cannot parse the server's version."""
PROGRESS_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Program:
    """A program: its name here, its module folder under tools/, its package and linker flags."""

    name: str
    module: str
    package: str
    flags: str = STRIP

    @property
    def key(self) -> str:
        """Changes whenever the result could: with the pins, the flags and the compiler."""
        digest = hashlib.sha256()
        for name in ("go.mod", "go.sum"):
            digest.update((TOOLS / self.module / name).read_bytes())
        digest.update(f"{self.package} {self.flags} {go_version()}".encode())
        return digest.hexdigest()[:16]

    @property
    def path(self) -> Path:
        """Where it is once built."""
        return cache() / "store" / f"{self.name}-{self.key}"


def _kubernetes(name: str) -> Program:
    return Program(name, "kubernetes", f"k8s.io/kubernetes/cmd/{name}", STAMP)


PROGRAMS = (
    Program("etcd", "etcd", "go.etcd.io/etcd/server/v3"),
    _kubernetes("kube-apiserver"),
    _kubernetes("kubectl"),
    _kubernetes("kube-controller-manager"),
    _kubernetes("kube-scheduler"),
    _kubernetes("kubelet"),
    _kubernetes("kube-proxy"),
    Program("metrics-server", "metrics-server", "sigs.k8s.io/metrics-server/cmd/metrics-server"),
    Program("coredns", "coredns", "github.com/coredns/coredns"),
    Program("helm", "helm", "helm.sh/helm/v4/cmd/helm"),
    Program("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok"),
)


def cache() -> Path:
    """The user's cache of binaries."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "loadstar" / "bin"


_GO_VERSION: list[str] = []


def go_version() -> str:
    """The compiler's version. Raises BedError when there is no Go."""
    if not _GO_VERSION:
        needed = "building the cluster's programs needs Go 1.26 or newer on the PATH (https://go.dev/dl/)"
        if not shutil.which("go"):
            raise BedError(f"{needed}; there is no `go`")
        # Asked inside a module, an older Go names (and fetches) the toolchain that the module wants, if it may.
        done = subprocess.run(
            ["go", "env", "GOVERSION"], cwd=TOOLS / "kubernetes", capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise BedError(f"{needed}; this one says: {done.stderr.strip()}")
        _GO_VERSION.append(done.stdout.strip())
    return _GO_VERSION[0]


def ensure() -> Path:
    """Build what is missing; returns a folder that holds all programs under their plain names."""
    missing = [program for program in PROGRAMS if not program.path.exists()]
    if missing:
        with _lock():
            missing = [program for program in PROGRAMS if not program.path.exists()]
            _announce(missing)
            for number, program in enumerate(missing, 1):
                _build(program, f"[{number}/{len(missing)}]")
    return _folder()


def _announce(missing: list[Program]) -> None:
    if missing:
        names = ", ".join(program.name for program in missing)
        print(f"building {names} with {go_version()}: about 15 minutes on two cores the first time", flush=True)


def _folder() -> Path:
    """One folder of links, named by all keys together."""
    key = hashlib.sha256(" ".join(program.key for program in PROGRAMS).encode()).hexdigest()[:12]
    folder = cache() / key
    folder.mkdir(parents=True, exist_ok=True)
    for program in PROGRAMS:
        link = folder / program.name
        if not link.is_symlink():
            link.symlink_to(program.path)
    return folder


def _build(program: Program, position: str) -> None:
    program.path.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=program.path.parent) as folder, _ticking(f"{position} {program.name}"):
        target = Path(folder) / program.name
        command = ["go", "build", "-trimpath", "-buildvcs=false", "-ldflags", program.flags, "-o", str(target)]
        done = subprocess.run(
            [*command, program.package],
            cwd=TOOLS / program.module,
            env={**os.environ, "CGO_ENABLED": "0"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BedError(f"building {program.name} failed:\n{done.stderr.strip()[-2000:]}")
        target.replace(program.path)
    print(f"{position} {program.name} built in {time.monotonic() - started:.0f} s", flush=True)


def module_folder(module: str, path: str) -> Path:
    """Where Go keeps the source of the module `path` that tools/<module>/go.mod names. Raises BedError."""
    done = subprocess.run(
        ["go", "mod", "download", "-json", path], cwd=TOOLS / module, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BedError(f"the source of {path} is not to be had: {(done.stderr or done.stdout).strip()[-800:]}")
    return Path(json.loads(done.stdout)["Dir"])


@contextmanager
def _ticking(what: str) -> Iterator[None]:
    """Say every few seconds that something still goes on."""
    stop, started = threading.Event(), time.monotonic()

    def tick() -> None:
        while not stop.wait(PROGRESS_SECONDS):
            print(f"{what}: building, {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def _lock() -> Iterator[None]:
    """One builder at a time."""
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
