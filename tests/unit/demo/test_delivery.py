"""How the image reaches a user's cluster, with programs that only write down what they were asked."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from tests.cluster.errors import BedError
from tests.demo import delivery
from tests.demo.target import Provider, Target
from tests.image import build

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("loadstar", ["image.repository=loadstar"]),
        ("registry.example/loadstar:0.1.0", ["image.repository=registry.example/loadstar", "image.tag=0.1.0"]),
        ("registry:5000/a/loadstar", ["image.repository=registry:5000/a/loadstar"]),
        ("registry:5000/a/loadstar:v1", ["image.repository=registry:5000/a/loadstar", "image.tag=v1"]),
    ],
)
def test_settings_split(reference: str, expected: list[str]) -> None:
    """A port is part of the repository, what follows the last colon without a slash is the tag."""
    assert delivery.settings(reference)[1::2] == expected


@pytest.mark.parametrize("reference", ["", "bad image", "loadstar:", f"registry.example/loadstar@{DIGEST}"])
def test_settings_refuse(reference: str) -> None:
    """What is no name of an image, or names a digest, is refused with a message and not left to the cluster."""
    with pytest.raises(BedError, match="IMAGE must be like"):
        delivery.settings(reference)


@pytest.mark.parametrize(
    ("provider", "context", "expected"),
    [
        ("kind", "kind-dev", "kind load image-archive {} --name dev"),
        ("minikube", "minikube", "minikube image load {} -p minikube"),
        ("k3s", "default", "k3s ctr images import {}"),
    ],
)
def test_load_by_provider(
    provider: Provider, context: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each provider's own program is asked to load the archive, and the chart is told which image it is."""
    archive, calls = tmp_path / "image.tar", tmp_path / "calls"
    _archive(archive, b"one")
    for program in ("kind", "minikube", "k3s", "kubectl"):
        script = tmp_path / program
        script.write_text(f'#!/bin/sh\nexec >> {calls}\necho {program} "$@"\n')
        script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.delenv("IMAGE", raising=False)
    monkeypatch.setattr(build, "build", lambda: "built")
    monkeypatch.setattr(build, "ARCHIVE", archive)
    monkeypatch.setattr(build, "ENGINES", ())
    words = delivery.deliver(Target(provider, context, {"PATH": str(tmp_path)}))
    assert expected.format(archive) in calls.read_text()
    assert f"image.tag={build.IMAGE.rpartition(':')[2]}" in words


def test_other_cluster_needs_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a cluster that images cannot be loaded into, the user is asked for IMAGE= and told why."""
    monkeypatch.delenv("IMAGE", raising=False)
    with pytest.raises(BedError, match="IMAGE="):
        delivery.deliver(Target("other", "prod", {}))


def test_named_image_builds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """With IMAGE= nothing is built or loaded, whatever the cluster."""
    monkeypatch.setenv("IMAGE", "registry.example/loadstar:9")
    monkeypatch.setattr(build, "build", lambda: pytest.fail("built"))
    assert "image.tag=9" in delivery.deliver(Target("other", "prod", {}))


def test_fingerprint_follows_content(tmp_path: Path) -> None:
    """The same image has the same fingerprint, another one has another: Pods are replaced only when they must be."""
    one, same, other = tmp_path / "1", tmp_path / "2", tmp_path / "3"
    _archive(one, b"one")
    _archive(same, b"one")
    _archive(other, b"two")
    assert delivery.fingerprint(one) == delivery.fingerprint(same) != delivery.fingerprint(other)


def _archive(path: Path, index: bytes) -> None:
    with tarfile.open(path, "w") as archive:
        entry = tarfile.TarInfo("index.json")
        entry.size = len(index)
        archive.addfile(entry, io.BytesIO(index))
