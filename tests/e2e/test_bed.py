"""The test bed leaves nothing behind: asked of the machine itself, not of the bed's own records."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.bed import Bed
from tests.cluster.errors import BedError
from tests.cluster.facts import home
from tests.cluster.remains import Remains

pytestmark = [
    pytest.mark.bed,
    pytest.mark.skipif(os.geteuid() != 0, reason="the test bed needs root"),
]

NAME = f"gone{os.getpid():07d}"
"""Of its own for each run, so that two at once do not take down each other's bed."""
WATCHED = ("/etc", "/opt", "/usr/libexec", "/var/lib", "/var/lib/cni", "/var/lib/kubelet", "/var/log/pods")
COMMAND = [sys.executable, "-m", "tests.cluster"]


@pytest.fixture(scope="session", autouse=True)
def operator() -> None:
    """No operator is needed here."""


@pytest.fixture
def bed() -> Iterator[Bed]:
    bed = Bed(NAME)
    bed.down()
    yield bed
    bed.down()


def traces() -> list[str]:
    """Everything on this machine that carries the bed's name."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (folder / "cmdline").read_bytes().decode(errors="replace")
            if f"{home()}/{NAME}/" in words:
                found.append(f"process {folder.name}: {words[:80]}")
    for command in (("ip", "netns"), ("ip", "-o", "link"), ("cat", "/proc/mounts")):
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        found += [line for line in lines if f"ls-{NAME}" in line or f"/{NAME}/" in line]
    found += [str(path) for path in Path("/sys/fs/cgroup").glob(f"*/*{NAME}*")]
    found += [str(path) for path in home().glob(f"{NAME}*")]
    return found


def entries() -> set[str]:
    """What lies in the folders where container software likes to leave its own."""
    return {str(path) for folder in WATCHED for path in Path(folder).glob("*")} - {str(home())}


def network() -> list[str]:
    """The machine's own routing, firewall and forwarding, but for links of beds."""
    routes = subprocess.run(["ip", "route"], capture_output=True, text=True, check=True).stdout.splitlines()
    rules = subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout.splitlines()
    own = [line for line in routes if " ls-" not in line] + [line for line in rules if not line.startswith("#")]
    return [*own, Path("/proc/sys/net/ipv4/ip_forward").read_text()]


def kubelet(bed: Bed) -> list[str]:
    """The pids of node-0's kubelet."""
    known = bed.component("node-0/kubelet").pid()
    return [] if known is None else [Path(f"/proc/{known}/comm").read_text().strip()]


def test_nothing_stays(bed: Bed) -> None:
    """After `down` no process, mount, namespace, link, cgroup or file of the bed is left; the network is as before."""
    files, net = entries(), network()
    bed.up(1)
    assert traces()
    assert network() == net
    assert kubelet(bed) == ["kubelet"]
    bed.stop("node-0/kubelet")
    bed.stop("metrics-server")
    assert kubelet(bed) == []
    assert bed.status()["metrics-server"] == "down"
    started = time.monotonic()
    assert any("metrics-server" in note for note in bed.up(1)), "a second up starts what is down"
    assert time.monotonic() - started < 20
    assert set(bed.status().values()) <= {"up"}
    with pytest.raises(BedError, match="take it down first"):
        bed.up(2)
    bed.down()
    assert traces() == []
    assert entries() <= files
    assert bed.status() == {}
    bed.down()


def test_nothing_stays_after_everything_was_killed(bed: Bed) -> None:
    """With every process of the bed killed by SIGKILL, `down` still removes all the rest."""
    files = entries()
    bed.up(1)
    pods = "apiVersion: v1\nkind: Pod\nmetadata: {name: sleeper}\nspec:\n  containers:\n"
    pods += "  - {name: c, image: 'busybox:1.35', command: [sleep, '600']}\n"
    bed.kubectl("apply", "-f", "-", input_text=pods)
    bed.kubectl("wait", "--for=condition=Ready", "pod/sleeper", "--timeout=30s")
    pids = Remains(NAME).processes()
    assert len(pids) > 10
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    bed.down()
    assert traces() == []
    assert entries() <= files


def test_a_node_is_limited(bed: Bed) -> None:
    """Allocatable is the node's share; direct I/O of a Pod is throttled; limits of Pods may exceed the share.

    A Pod over its memory limit is killed, one whose image is nowhere says so at once.
    """
    bed.up(1)
    path = "jsonpath={.items[0].status.allocatable.cpu} {.items[0].status.allocatable.memory}"
    assert bed.kubectl("get", "nodes", "-o", path) == "400m 1536Mi"
    pods = [
        pod("writer", "dd if=/dev/zero of=/file bs=1M count=60 oflag=direct", {"cpu": "2", "memory": "64Mi"}),
        pod("hog", "dd if=/dev/zero of=/dev/null bs=100M count=1", {"memory": "32Mi"}),
        pod("unknown", "true", {}, image="registry.example/nowhere:1"),
    ]
    bed.kubectl("apply", "-f", "-", input_text=yaml.safe_dump_all(pods))
    state = "{.status.containerStatuses[0].state"
    for name, path, expected in (
        ("unknown", f"{state}.waiting.reason}}", "ErrImagePull"),
        ("hog", f"{state}.terminated.exitCode}}", "137"),
        ("writer", f"{state}.terminated.reason}}", "Completed"),
    ):
        bed.kubectl("wait", f"--for=jsonpath={path}={expected}", f"pod/{name}", "--timeout=30s")
    begun, ended = (
        datetime.fromisoformat(bed.kubectl("get", "pod", "writer", "-o", f"jsonpath={state}.terminated.{when}}}"))
        for when in ("startedAt", "finishedAt")
    )
    assert 2 <= (ended - begun).total_seconds() <= 5, "60 MiB at 20 MiB/s"


def pod(name: str, script: str, limits: dict[str, str], image: str = "busybox:1.35") -> dict[str, Any]:
    resources = {"limits": limits, "requests": dict.fromkeys(limits, "1m") | {"memory": "8Mi"}}
    container = {"name": "c", "image": image, "command": ["sh", "-c", script], "resources": resources}
    spec = {"restartPolicy": "Never", "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_stays_of_an_interrupted_up(bed: Bed, number: int) -> None:
    """`up` that is ended halfway leaves nothing: by itself when asked politely, after `down` when killed."""
    process = subprocess.Popen([*COMMAND, "up", "--name", NAME, "--nodes", "1"], stdout=subprocess.DEVNULL)
    end = time.monotonic() + 30
    while not (bed.folder / "node-0" / "containerd.json").exists():
        assert time.monotonic() < end
        time.sleep(0.02)
    process.send_signal(number)
    process.wait(timeout=30)
    assert process.returncode
    if number == signal.SIGKILL:
        assert traces()
        bed.down()
    assert traces() == []
