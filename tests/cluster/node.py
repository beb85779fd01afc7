"""A real node in namespaces of its own: containerd, runc, CNI, kube-proxy and a kubelet.

Its first process only sets the mounts up and reaps; every daemon enters its namespaces and its cgroups from outside,
so that each can be stopped and started by itself. Its share of the machine is the matter of `cgroups`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.cluster.cgroups import EVICTION_BYTES, NodeCgroup, hierarchies, machine, reserved, throttled
from tests.cluster.controlplane import ControlPlane
from tests.cluster.errors import BedError
from tests.cluster.images import PAUSE_IMAGE
from tests.cluster.network import CONTROL_PLANE, DNS_SERVICE, node_address, pod_range
from tests.cluster.processes import Daemon, run, wait_until

DAEMONS = ("containerd", "kube-proxy", "kubelet")
START_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Node:
    """Node `index` of a bed."""

    plane: ControlPlane
    index: int

    @property
    def name(self) -> str:
        """Its Kubernetes name."""
        return f"node-{self.index}"

    @property
    def folder(self) -> Path:
        """Its state."""
        return self.plane.folder / self.name

    @property
    def cgroup(self) -> NodeCgroup:
        """Its share of the machine."""
        return NodeCgroup(self.plane.network.node(self.index))

    @property
    def init(self) -> Daemon:
        """Its first process: when it ends, so does everything in the node."""
        return Daemon(self.folder, "init")

    def daemon(self, name: str) -> Daemon:
        """containerd, kube-proxy or kubelet."""
        return Daemon(self.folder, name)

    @property
    def _socket(self) -> str:
        return f"/run/{self.name}/containerd.sock"

    def start(self, images: list[Path]) -> list[str]:
        """Bring it up; returns notes. It is Ready some seconds later."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._configure()
        notes = self.cgroup.make(self.folder)
        network = f"--net=/run/netns/{self.plane.network.node(self.index)}"
        spaces = ("--mount", "--cgroup", "--uts", "--pid", "--ipc", "--propagation", "private")
        command: list[str | Path] = [
            "nsenter",
            network,
            "unshare",
            *spaces,
            "--fork",
            "--kill-child",
            "sh",
            self._init(),
        ]
        self.init.start(command, entry=self.cgroup.root_entry(), forks=True)
        wait_until(self._mounted, START_SECONDS, f"{self.name} has no mounts")
        self._start_inside("containerd", "containerd", "-c", self.folder / "containerd.toml")
        self._start_inside("kube-proxy", self.plane.bin / "kube-proxy", "--config", self.folder / "proxy.yaml")
        wait_until(self._serving, START_SECONDS, f"containerd of {self.name} does not answer")
        for image in images:
            self.load(image)
        self._start_inside(
            "kubelet",
            *(self.plane.bin / "kubelet", "--config", self.folder / "kubelet.yaml"),
            *("--kubeconfig", self.folder / "kubeconfig", "--hostname-override", self.name),
            *("--root-dir", self.folder / "kubelet", "--node-ip", node_address(self.index)),
            *("--node-labels", "type=real", "--housekeeping-interval", "5s", "--v", "1"),
        )
        return notes

    def load(self, archive: Path) -> None:
        """Import an OCI archive into containerd."""
        # Through a pipe: the archive may lie where the node has mounts of its own.
        run(*self._enter(), "ctr", "-a", self._socket, "-n", "k8s.io", "images", "import", "-", input_file=archive)

    def pids(self) -> list[int]:
        """Every process of the node."""
        return self.cgroup.pids()

    def _mounted(self) -> bool:
        if not self.init.alive():
            raise BedError(f"the first process of {self.name} ended:\n{self.init.tail()}")
        return (self.folder / "mounted").exists()

    def _serving(self) -> bool:
        return "Server" in run(*self._enter(), "ctr", "-a", self._socket, "version", check=False)

    def _enter(self) -> list[str]:
        spaces = ("--mount", "--cgroup", "--uts", "--pid", "--ipc", "--net")
        return ["nsenter", "-t", str(self.init.pid()), *spaces]

    def _start_inside(self, name: str, *command: str | Path) -> None:
        # The cgroup is entered outside, where its path is known, then the namespaces.
        self.daemon(name).start([*self._enter(), *command], entry=self.cgroup.entry(), forks=True)

    def _init(self) -> Path:
        """The script of the first process: mounts of the node's own, then only reaping.

        What a node writes under /etc and /var/lib lands in memory and is gone with it.
        """
        bed, folder, script = self.plane.folder, self.folder, self.folder / "init.sh"
        trees = "\n".join(
            f"mkdir {tree.path}; mount -t cgroup -o {tree.mount_options} cgroup {tree.path}" for tree in hierarchies()
        )
        script.write_text(f"""set -e
cd {bed}
mount --make-rshared /
umount -R -l /run/netns 2>/dev/null || true
umount -R /sys 2>/dev/null || true
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /sys/fs/cgroup
{trees}
mount -t tmpfs tmpfs /run
mkdir -p /run/netns /run/{self.name}
mount -t proc proc /proc
echo {self.name} > /proc/sys/kernel/hostname
for own in etc var/lib; do
  mkdir -p /run/own/$own/upper /run/own/$own/work
  mount -t overlay overlay -o lowerdir=/$own,upperdir=/run/own/$own/upper,workdir=/run/own/$own/work /$own
done
rm -rf /etc/cni /var/lib/cni /var/lib/containerd /var/lib/kubelet
mkdir -p {bed}
mount --no-canonicalize --bind . {bed}
mkdir -p {folder}/log
mount --bind {folder}/log /var/log
rm -f /etc/resolv.conf
echo nameserver {CONTROL_PLANE} > /etc/resolv.conf
cd /
touch {folder}/mounted
trap 'exit 0' TERM
while :; do sleep 3600 & wait $! || true; done
""")
        return script

    def _runc(self) -> Path:
        """Runc as containerd calls it: it does not see blkio.

        Were it to, each container would leave the node's one cgroup for that, which the throttle holds for.
        """
        script = self.folder / "runc.sh"
        hidden = f"umount {throttled().path} && exec runc"
        script.write_text(f"""#!/bin/sh
exec unshare --mount --propagation slave sh -c '{hidden} "$@"' runc "$@"
""")
        script.chmod(0o755)
        return script

    def _configure(self) -> None:
        plane, folder = self.plane, self.folder
        plane.pki.kubeconfig(self.name, plane.inner_server, folder / "kubeconfig")
        plane.pki.kubeconfig("proxy", plane.inner_server, folder / "proxy.kubeconfig")
        (folder / "cni").mkdir(exist_ok=True)
        (folder / "cni" / "10-bed.conflist").write_text(json.dumps(_cni(self.index)))
        (folder / "containerd.toml").write_text(self._containerd())
        (folder / "proxy.yaml").write_text(yaml.safe_dump(self._proxy()))
        (folder / "kubelet.yaml").write_text(yaml.safe_dump(self._kubelet()))

    def _containerd(self) -> str:
        cri = 'plugins."io.containerd.grpc.v1.cri"'
        return f"""version = 2
root = "{self.folder}/containerd"
state = "/run/{self.name}/containerd"
[grpc]
  address = "{self._socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{self.folder}/opt"
[{cri}]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  [{cri}.containerd]
    snapshotter = "overlayfs"
    [{cri}.containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [{cri}.containerd.runtimes.runc.options]
        BinaryName = "{self._runc()}"
        SystemdCgroup = false
  [{cri}.cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{self.folder}/cni"
"""

    def _proxy(self) -> dict[str, object]:
        return {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "iptables",
            "hostnameOverride": self.name,
            "clusterCIDR": "10.244.0.0/16",
            "clientConnection": {"kubeconfig": str(self.folder / "proxy.kubeconfig")},
            "metricsBindAddress": "127.0.0.1:10249",
            "conntrack": {
                "maxPerCore": 0,
                "min": 0,
                "tcpEstablishedTimeout": "0s",
                "tcpCloseWaitTimeout": "0s",
            },
        }

    def _kubelet(self) -> dict[str, object]:
        pki = self.plane.pki
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": node_address(self.index),
            "port": 10250,
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(pki.path("ca.crt"))},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": str(pki.path(f"{self.name}.crt")),
            "tlsPrivateKeyFile": str(pki.path(f"{self.name}.key")),
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": "/",
            "cgroupsPerQOS": True,
            "enforceNodeAllocatable": ["pods"],
            "systemReserved": reserved(*machine()),
            # The machine's disk may be nearly full: that is no trouble of the node's.
            "evictionHard": {
                "memory.available": str(EVICTION_BYTES),
                "nodefs.available": "0%",
                "nodefs.inodesFree": "0%",
                "imagefs.available": "0%",
                "imagefs.inodesFree": "0%",
            },
            # Under a parent with a quota, cgroup v1 refuses a child's bigger one: a Pod with a CPU limit above the
            # node's share would never start. The node's own quota holds for all of them.
            "cpuCFSQuota": False,
            "volumePluginDir": str(self.folder / "volume-plugins"),
            "imageGCHighThresholdPercent": 100,
            "failSwapOn": False,
            "failCgroupV1": False,
            "containerRuntimeEndpoint": f"unix://{self._socket}",
            "serializeImagePulls": False,
            "registryPullQPS": 0,
            "maxPods": 60,
            "syncFrequency": "10s",
            "nodeStatusUpdateFrequency": "5s",
            "clusterDNS": [DNS_SERVICE],
            "clusterDomain": "cluster.local",
            "resolvConf": "",
        }


def _cni(index: int) -> dict[str, object]:
    # Point to point and not a bridge: the way to a Service and back is routed, so that kube-proxy's translation holds
    # for two Pods of one node also where the kernel's br_netfilter is not loaded.
    point = {
        "type": "ptp",
        "ipMasq": False,
        "ipam": {"type": "host-local", "ranges": [[{"subnet": pod_range(index)}]], "routes": [{"dst": "0.0.0.0/0"}]},
    }
    portmap = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "1.0.0", "name": "bed", "plugins": [point, portmap]}
