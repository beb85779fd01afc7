"""Build the image with docker or podman on their usual base, else with buildah on a base made of Debian packages."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import loadstar
from tests.cluster import packages
from tests.cluster.binaries import cache
from tests.cluster.errors import BedError
from tests.cluster.processes import run

ROOT = Path(__file__).parents[2]
REPOSITORY = "localhost/loadstar"
IMAGE = f"{REPOSITORY}:{loadstar.__version__}"
ARCHIVE = ROOT / "build" / "loadstar-image.tar"
UV = ROOT / "build" / "uv" / "bin" / "uv"
ENGINES = ("docker", "podman")
ENGINE_PYTHON = "3.12"
"""The Python of the Dockerfile's default base."""
DEBIAN_PYTHON = "3.11"
BASE_PACKAGES = "python3-minimal,libpython3.11-stdlib,ca-certificates,media-types,tzdata"
BUILDAH = {"STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}


def build(*, archive_only: bool = False) -> str:
    """Build it; returns a sentence on where it is. `archive_only`: as an OCI archive, for the test bed."""
    engine = None if archive_only else next((name for name in ENGINES if _answers(name)), None)
    if engine:
        _site_packages(ENGINE_PYTHON)
        run(engine, "build", "-t", IMAGE, str(ROOT))
        return f"{IMAGE} is built in {engine}"
    packages.require_root()
    packages.install({"buildah": "buildah", "mmdebstrap": "mmdebstrap"}, {})
    _site_packages(DEBIAN_PYTHON)
    _buildah("bud", "--build-arg", f"BASE={_base()}", "-t", IMAGE, str(ROOT))
    ARCHIVE.unlink(missing_ok=True)
    _buildah("push", IMAGE, f"oci-archive:{ARCHIVE}:{IMAGE}")
    return f"{IMAGE} is in {ARCHIVE.relative_to(ROOT)}"


def _answers(engine: str) -> bool:
    """True when the engine is there and works; a client without its daemon does not."""
    if not shutil.which(engine):
        return False
    return subprocess.run([engine, "info"], capture_output=True, check=False, timeout=20).returncode == 0


def _site_packages(python: str) -> None:
    """The locked packages for that Python, hashes checked, without compiling anything."""
    target, requirements = ROOT / "build" / "site-packages", ROOT / "build" / "requirements.txt"
    uv = UV if UV.exists() else Path(shutil.which("uv") or "uv")
    exported = run(uv, "export", "--frozen", "--no-dev", "--no-emit-project", "--quiet", "--project", ROOT)
    wanted = f"# Python {python}\n{exported}"
    if target.is_dir() and requirements.is_file() and requirements.read_text() == wanted:
        return
    requirements.parent.mkdir(exist_ok=True)
    requirements.unlink(missing_ok=True)
    shutil.rmtree(target, ignore_errors=True)
    locked = ROOT / "build" / "requirements.lock"
    locked.write_text(exported)
    run(
        *(uv, "pip", "install", "--quiet", "--target", target, "--python-version", python, "--require-hashes"),
        *("--only-binary", ":all:", "-r", locked),
    )
    requirements.write_text(wanted)


def _base() -> str:
    """A base image of Debian's Python, kept in the user's cache."""
    rootfs = cache().parent / "images" / f"python-{DEBIAN_PYTHON}-bookworm.tar"
    name = f"localhost/loadstar-base:{DEBIAN_PYTHON}"
    if not rootfs.exists():
        rootfs.parent.mkdir(parents=True, exist_ok=True)
        print("making the base image of Debian packages (once)", flush=True)
        part = rootfs.with_suffix(".part.tar")
        run("mmdebstrap", "--variant=extract", f"--include={BASE_PACKAGES}", "bookworm", part)
        part.replace(rootfs)
    if name not in _buildah("images", "--format", "{{.Name}}:{{.Tag}}"):
        container = _buildah("from", "scratch").strip()
        _buildah("add", container, str(rootfs), "/")
        _buildah("config", "--env", "PATH=/usr/local/bin:/usr/bin:/bin", container)
        _buildah("commit", container, name)
        _buildah("rm", container)
    return name


def _buildah(*arguments: str) -> str:
    done = subprocess.run(
        ["buildah", *arguments], env={**os.environ, **BUILDAH}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BedError(f"buildah {arguments[0]} failed: {(done.stderr or done.stdout).strip()[-1500:]}")
    return done.stdout
