"""A node's share of the machine, as numbers and as text of the kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster import cgroups
from tests.cluster.cgroups import EVICTION_BYTES, NODE_MEMORY_BYTES, Hierarchy, parse_mounts, reserved
from tests.cluster.errors import BedError

SEPARATE = """\
/dev/vda / ext4 rw,relatime 0 0
tmpfs /sys/fs/cgroup tmpfs rw,mode=755 0 0
cgroup /sys/fs/cgroup/cpu cgroup rw,relatime,cpu 0 0
cgroup /sys/fs/cgroup/systemd cgroup rw,nosuid,nodev,noexec,relatime,xattr,name=systemd 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0
"""
JOINED = "cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,nosuid,nodev,noexec,relatime,cpu,cpuacct 0 0\n"


def test_reserved_leaves_the_share() -> None:
    """Capacity less systemReserved less evictionHard is exactly 400m and 1.5 GiB, to the byte."""
    memory_kib = 24_684_092
    found = reserved(2, memory_kib)
    assert found["cpu"] == "1600m"
    assert memory_kib * 1024 - int(found["memory"]) - EVICTION_BYTES == NODE_MEMORY_BYTES == 3 * 2**29


def test_too_small_a_machine_is_refused() -> None:
    """Less memory than one node's share and the kubelet's margin is an error, not a negative number."""
    with pytest.raises(BedError, match="too small"):
        reserved(1, 1024 * 1024)


def test_mounts_of_separate_controllers() -> None:
    """A tree is named by its controllers alone; cgroup2 and other file systems are none of ours."""
    assert parse_mounts(SEPARATE) == [
        Hierarchy(Path("/sys/fs/cgroup/cpu"), "cpu"),
        Hierarchy(Path("/sys/fs/cgroup/systemd"), "name=systemd"),
    ]


def test_mounts_of_joined_controllers() -> None:
    """Controllers that share a tree are mounted again together."""
    (tree,) = parse_mounts(JOINED * 2)
    assert tree.controllers == ["cpu", "cpuacct"]
    assert tree.mount_options == "cpu,cpuacct"


def test_a_tree_without_controllers_is_mounted_by_name() -> None:
    """`mount` wants the word none for a tree that only has a name."""
    assert parse_mounts(SEPARATE)[1].mount_options == "none,name=systemd"


def test_cgroup_v2_alone_is_refused_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without v1 controllers the message names them and the user's own cluster."""
    monkeypatch.setattr(cgroups, "hierarchies", list)
    with pytest.raises(BedError, match=r"absent: cpu, .*KUBECONFIG"):
        cgroups.require_v1()


def test_a_partition_is_throttled_by_its_disk(tmp_path: Path) -> None:
    """The kernel throttles whole disks: vda1 (8:1) leads to vda (8:0), vda to itself."""
    vda = tmp_path / "devices" / "vda"
    (vda / "vda1").mkdir(parents=True)
    (vda / "dev").write_text("8:0\n")
    (vda / "vda1" / "dev").write_text("8:1\n")
    (vda / "vda1" / "partition").write_text("1\n")
    links = tmp_path / "block"
    links.mkdir()
    (links / "8:0").symlink_to(vda)
    (links / "8:1").symlink_to(vda / "vda1")
    assert cgroups.disk(8 << 8 | 1, links) == "8:0"
    assert cgroups.disk(8 << 8, links) == "8:0"
    with pytest.raises(OSError, match="9:0"):
        cgroups.disk(9 << 8, links)
