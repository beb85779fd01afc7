"""Container images without a registry: a folder becomes a one-layer OCI archive that containerd imports."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

BUSYBOX = Path("/bin/busybox")
WORKER_IMAGE = "docker.io/library/busybox:1.35"
"""The name it has in public registries, so that samples run unchanged on any cluster; its user is root."""
PAUSE_IMAGE = "localhost/pause:1"

_MEDIA = "application/vnd.oci.image"


def write_archive(name: str, root: Path, target: Path, command: list[str]) -> None:
    """Write the folder `root` as the image `name` (OCI layout in a tar). No user is set: such an image runs as root."""
    layer = _layer(root)
    config = _json(
        {
            "architecture": architecture(),
            "os": "linux",
            "config": {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin"], "Cmd": command, "WorkingDir": "/"},
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": f"{_MEDIA}.manifest.v1+json",
            "config": _descriptor(f"{_MEDIA}.config.v1+json", config),
            "layers": [_descriptor(f"{_MEDIA}.layer.v1.tar", layer)],
        }
    )
    entry = _descriptor(f"{_MEDIA}.manifest.v1+json", manifest)
    entry["annotations"] = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name}
    index = _json({"schemaVersion": 2, "manifests": [entry]})
    with tarfile.open(target, "w") as archive:
        _add(archive, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        _add(archive, "index.json", index)
        for blob in (layer, config, manifest):
            _add(archive, "blobs/sha256/" + _digest(blob).removeprefix("sha256:"), blob)


def make_base_images(folder: Path) -> list[Path]:
    """The worker's and the sandbox's image, both of Debian's static busybox."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        for name in ("bin", "etc", "tmp", "root", "var", "proc", "sys", "dev"):
            (root / name).mkdir()
        (root / "tmp").chmod(0o1777)
        shutil.copy(BUSYBOX, root / "bin" / "busybox")
        applets = subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True).stdout.split()
        for applet in applets:
            if applet != "busybox":
                (root / "bin" / applet).symlink_to("busybox")
        users = ("root:x:0:0:root:/root:/bin/sh", "nobody:x:65534:65534:nobody:/:/bin/false")
        (root / "etc" / "passwd").write_text("\n".join([*users, ""]))
        (root / "etc" / "group").write_text("root:x:0:\nnogroup:x:65534:\n")
        worker, pause = folder / "worker.tar", folder / "pause.tar"
        write_archive(WORKER_IMAGE, root, worker, ["/bin/sh"])
        # The sandbox must end at once when asked: a shell as its first process would not.
        script = "trap 'exit 0' TERM INT; while :; do sleep 86400 & wait; done"
        write_archive(PAUSE_IMAGE, root, pause, ["/bin/sh", "-c", script])
    return [worker, pause]


def _layer(root: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.add(root, arcname=".", filter=_anonymous)
    return buffer.getvalue()


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Owner and time say where an image was made: the same content shall be the same image."""
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = "root"
    return entry


def architecture() -> str:
    """This machine's, in the words of container images."""
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def _digest(blob: bytes) -> str:
    return "sha256:" + hashlib.sha256(blob).hexdigest()


def _descriptor(media: str, blob: bytes) -> dict[str, object]:
    return {"mediaType": media, "digest": _digest(blob), "size": len(blob)}


def _json(document: dict[str, object]) -> bytes:
    return json.dumps(document).encode()


def _add(archive: tarfile.TarFile, name: str, blob: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(blob)
    archive.addfile(entry, io.BytesIO(blob))
