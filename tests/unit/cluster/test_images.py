"""Images are made by hand: the archive must be what containerd understands."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.images import write_archive

NAME = "docker.io/library/example:1"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "bin").mkdir(parents=True)
    (folder / "tmp").mkdir()
    (folder / "tmp").chmod(0o1777)
    (folder / "bin" / "tool").write_text("#!/bin/sh\n")
    (folder / "bin" / "tool").chmod(0o755)
    (folder / "bin" / "link").symlink_to("tool")
    return folder


def blobs(archive: Path) -> dict[str, bytes]:
    found = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            file = tar.extractfile(member)
            assert file is not None
            found[member.name] = file.read()
    return found


def test_every_blob_is_named_by_its_digest(root: Path, tmp_path: Path) -> None:
    """OCI layout: a blob's file is named by the SHA-256 of its content, and the layout names its version."""
    write_archive(NAME, root, tmp_path / "image.tar", ["/bin/tool"])
    files = blobs(tmp_path / "image.tar")
    assert json.loads(files.pop("oci-layout")) == {"imageLayoutVersion": "1.0.0"}
    files.pop("index.json")
    assert len(files) == 3
    assert all(name == f"blobs/sha256/{hashlib.sha256(blob).hexdigest()}" for name, blob in files.items())


def test_index_leads_to_manifest_config_and_layer(root: Path, tmp_path: Path) -> None:
    """Every descriptor's digest and size are those of a blob; the index carries the name for containerd."""
    write_archive(NAME, root, tmp_path / "image.tar", ["/bin/tool"])
    files = blobs(tmp_path / "image.tar")

    def follow(descriptor: dict[str, Any]) -> bytes:
        blob = files["blobs/" + descriptor["digest"].replace(":", "/")]
        assert len(blob) == descriptor["size"]
        return blob

    (entry,) = json.loads(files["index.json"])["manifests"]
    assert entry["annotations"]["io.containerd.image.name"] == NAME
    manifest = json.loads(follow(entry))
    config = json.loads(follow(manifest["config"]))
    layer = follow(manifest["layers"][0])
    assert config["config"]["Cmd"] == ["/bin/tool"]
    assert "User" not in config["config"]
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
    with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
        members = {member.name: member for member in tar}
    assert members["./bin/link"].linkname == "tool"
    assert members["./bin/tool"].mode & 0o777 == 0o755
    assert members["./tmp"].mode & 0o7777 == 0o1777
    assert {member.uid for member in members.values()} == {0}


def test_same_content_is_the_same_image(root: Path, tmp_path: Path) -> None:
    """Neither the time nor the owner of the files changes the image."""
    write_archive(NAME, root, tmp_path / "one.tar", [])
    (root / "bin" / "tool").touch()
    write_archive(NAME, root, tmp_path / "two.tar", [])
    assert blobs(tmp_path / "one.tar") == blobs(tmp_path / "two.tar")
