"""How the operator's image gets to the nodes of a cluster, without a registry where that can be."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

from tests.cluster.errors import BedError
from tests.cluster.processes import run
from tests.demo.target import Target
from tests.image import build as image

REFERENCE = re.compile(r"(?P<repository>[a-z0-9][^@\s]*?[a-z0-9])(:(?P<tag>[\w][\w.-]{0,127}))?")
"""A port is no tag: a tag has no slash after it."""


def deliver(target: Target) -> list[str]:
    """Build the image and load it, unless $IMAGE names one; returns the chart's settings for it. Raises BedError."""
    if named := os.environ.get("IMAGE"):
        print(f"   the image is {named}")
        return settings(named)
    if target.provider == "other":
        raise BedError(
            f"no image is published yet, and {target.context} is neither the test bed nor kind, minikube or k3s: "
            "push the image of `make image` to a registry that the cluster reaches, "
            "then say IMAGE=registry.example/loadstar:0.1.0 make demo"
        )
    if target.bed:
        print(f"   {image.build(archive_only=True)}", flush=True)
        archive = image.ARCHIVE
        target.bed.load_image(archive)
    else:
        print(f"   {image.build()}", flush=True)
        archive = _archive()
        _load(target, archive)
    print("   it is on the nodes")
    # An image that was built again has the same tag: this is what makes Helm replace the Pods of the old one.
    return [*settings(image.IMAGE), "--set-string", f"podAnnotations.loadstar\\.dev/image={fingerprint(archive)}"]


def settings(reference: str) -> list[str]:
    """The arguments that make the chart use this image. Raises BedError for what is no image's name."""
    match = REFERENCE.fullmatch(reference)
    if not match:
        raise BedError(f"IMAGE must be like registry.example/loadstar:0.1.0, not {reference!r}")
    words: list[str] = []
    for part in ("repository", "tag"):
        if value := match[part]:
            words += ["--set-string", f"image.{part}={value}"]
    return words


def fingerprint(archive: Path) -> str:
    """Changes with the image in the archive, be it OCI's or docker's."""
    with tarfile.open(archive) as content:
        names = set(content.getnames())
        entry = content.extractfile("index.json" if "index.json" in names else "manifest.json")
        if entry is None:
            raise BedError(f"{archive} is no archive of an image")
        return hashlib.sha256(entry.read()).hexdigest()[:16]


def _load(target: Target, archive: Path) -> None:
    commands = {
        "kind": ["kind", "load", "image-archive", str(archive), "--name", target.context.removeprefix("kind-")],
        "minikube": ["minikube", "image", "load", str(archive), "-p", target.context],
        "k3s": ["k3s", "ctr", "images", "import", str(archive)],
    }
    command = commands[target.provider]
    if not shutil.which(command[0]):
        raise BedError(f"{command[0]} is not on the PATH: it is needed to load the image into {target.context}")
    run(*command)
    if target.provider == "k3s" and len(target.objects("nodes")) > 1:
        print("   k3s: only this machine's node has the image; import it on the others, or set IMAGE")


def _archive() -> Path:
    """The image as a file, whatever built it."""
    for engine in image.ENGINES:
        if shutil.which(engine) and _has_image(engine):
            saved = image.ARCHIVE.with_name("loadstar-image.saved.tar")
            saved.unlink(missing_ok=True)
            run(engine, "save", "-o", saved, image.IMAGE)
            return saved
    return image.ARCHIVE


def _has_image(engine: str) -> bool:
    words = [engine, "image", "inspect", image.IMAGE]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0
