"""A real node in namespaces of its own: containerd, runc, CNI, kube-proxy and a kubelet.

Its first process only sets the mounts up and reaps; every daemon enters its namespaces and the cgroup `system` from
outside, so that each can be stopped and started by itself.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.cluster.cgroups import CONTROLLERS, EVICTION_BYTES, NodeCgroup, machine, reserved
from tests.cluster.controlplane import ControlPlane
from tests.cluster.images import PAUSE_IMAGE
from tests.cluster.network import DNS_SERVICE, node_address, pod_range
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
        """Its first process, as `unshare` that started it."""
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
        script = f"{self.cgroup.entry()}; exec nsenter --net=/run/netns/{self.plane.network.node(self.index)} "
        script += (
            f"unshare --mount --cgroup --uts --pid --ipc --fork --kill-child --propagation private bash {self._init()}"
        )
        self.init.start(["bash", "-c", script])
        wait_until((self.folder / "mounted").exists, START_SECONDS, f"{self.name} has no mounts; see {self.init.log}")
        self._start_inside("containerd", "containerd", "-c", self.folder / "containerd.toml")
        self._start_inside("kube-proxy", self.plane.bin / "kube-proxy", "--config", self.folder / "proxy.yaml")
        wait_until(self._serving, START_SECONDS, f"containerd of {self.name} does not answer")
        for image in images:
            self.load(image)
        self._start_inside(
            "kubelet",
            *(self.plane.bin / "kubelet", "--config", self.folder / "kubelet.yaml"),
            *("--kubeconfig", self.folder / "kubeconfig", "--hostname-override", self.name),
            *("--root-dir", self.folder / "kubelet", "--node-ip", node_address(self.index), "--v", "1"),
        )
        return notes

    def load(self, archive: Path) -> None:
        """Import an OCI archive into containerd."""
        run(*self._enter(), "ctr", "-a", self._socket, "-n", "k8s.io", "images", "import", archive)

    def pids(self) -> list[int]:
        """Every process of the node."""
        return self.cgroup.pids()

    def _serving(self) -> bool:
        return "Server" in run(*self._enter(), "ctr", "-a", self._socket, "version", check=False)

    def _inner_pid(self) -> int:
        """The node's first process as the host sees it: the child of `unshare`."""
        outer = self.init.pid()
        return int(Path(f"/proc/{outer}/task/{outer}/children").read_text().split()[0])

    def _enter(self) -> list[str]:
        return ["nsenter", "-t", str(self._inner_pid()), "--mount", "--cgroup", "--uts", "--pid", "--ipc", "--net"]

    def _start_inside(self, name: str, *command: str | Path) -> None:
        # The cgroup is entered outside, where its path is known, then the namespaces.
        words = " ".join([*self._enter(), *map(str, command)])
        self.daemon(name).start(["bash", "-c", f"{self.cgroup.entry('system')}; exec {words}"])

    def _init(self) -> Path:
        folder, script = self.folder, self.folder / "init.sh"
        mounts = "\n".join(
            f"mkdir /sys/fs/cgroup/{name}; mount -t cgroup -o {name} cgroup /sys/fs/cgroup/{name}"
            for name in CONTROLLERS
        )
        script.write_text(f"""set -e
umount -R /sys 2>/dev/null || true
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /sys/fs/cgroup
{mounts}
mkdir /sys/fs/cgroup/systemd; mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
mount -t tmpfs tmpfs /run
mkdir -p /run/netns /run/{self.name}
mount -t proc proc /proc
hostname {self.name}
mkdir -p {folder}/varlog {folder}/varlib
mount --bind {folder}/varlog /var/log
touch {folder}/mounted
trap 'exit 0' TERM
while :; do sleep 3600 & wait $! || true; done
""")
        return script

    def _configure(self) -> None:
        plane, folder = self.plane, self.folder
        plane.pki.kubeconfig(self.name, plane.inner_server, folder / "kubeconfig")
        plane.pki.kubeconfig("proxy", plane.inner_server, folder / "proxy.kubeconfig")
        (folder / "cni").mkdir(exist_ok=True)
        (folder / "cni" / "10-bridge.conflist").write_text(json.dumps(_cni(self.index)))
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
[{cri}]
  sandbox_image = "{PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  [{cri}.containerd]
    snapshotter = "overlayfs"
    [{cri}.containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [{cri}.containerd.runtimes.runc.options]
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
            "evictionHard": {
                "memory.available": str(EVICTION_BYTES),
                "nodefs.available": "1%",
                "imagefs.available": "1%",
            },
            "imageGCHighThresholdPercent": 100,
            "failSwapOn": False,
            "failCgroupV1": False,
            "containerRuntimeEndpoint": f"unix://{self._socket}",
            "serializeImagePulls": False,
            "registryPullQPS": 0,
            "maxPods": 60,
            "housekeepingInterval": "5s",
            "syncFrequency": "10s",
            "nodeStatusUpdateFrequency": "5s",
            "clusterDNS": [DNS_SERVICE],
            "clusterDomain": "cluster.local",
            "resolvConf": "",
        }


def _cni(index: int) -> dict[str, object]:
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isGateway": True,
        "ipMasq": False,
        "hairpinMode": True,
        "ipam": {"type": "host-local", "ranges": [[{"subnet": pod_range(index)}]], "routes": [{"dst": "0.0.0.0/0"}]},
    }
    portmap = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "1.0.0", "name": "bed", "plugins": [bridge, portmap]}
