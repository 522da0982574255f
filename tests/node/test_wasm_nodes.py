"""What nodes are made with, read by the containerd that they run: each handler is where containerd looks for it."""

import hashlib
import subprocess
import tomllib
from email import message_from_string
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.model.wasm_nodes import CRI_PLUGINS
from components.wasm_nodes import eks_user_data, kind_config
from lab.cluster import building, golang
from lab.progress import PlainProgress

DIGEST = hashlib.sha256(b"").hexdigest()[::-1]
CRI = CRI_PLUGINS[3]
"""containerd 2 tells all of its configuration as of version 3, whatever the file's is."""
RUNC = '[plugins."{plugin}".containerd.runtimes.runc]\nruntime_type = "io.containerd.runc.v2"\n'


@pytest.fixture(scope="module")
def containerd() -> Path:
    """Build the node's containerd, where it is not in the cache, and give its path."""
    program = golang.find("containerd")
    if not program.exists():
        with building.alone(PlainProgress()):
            wanted = [binary for binary in golang.BINARIES if binary.name == program.name]
            building.work_off(PlainProgress(), golang.steps(wanted))
    return program


def dumped(containerd: Path, folder: Path, text: str) -> tuple[dict[str, Any], str]:
    """Return the handlers of a configuration as containerd has understood it, and what it warned of."""
    file = folder / "config.toml"
    file.write_text(text)
    done = subprocess.run(
        [containerd, "--config", file, "config", "dump"], capture_output=True, text=True, check=False, timeout=60
    )
    assert 0 == done.returncode, done.stderr
    return dict(tomllib.loads(done.stdout)["plugins"][CRI]["containerd"]["runtimes"]), done.stderr


def base(version: int) -> str:
    """Return a node's own configuration of a version, as far as handlers go."""
    return f"version = {version}\n" + RUNC.format(plugin=CRI_PLUGINS[version])


def told(handler: dict[str, Any]) -> tuple[Any, ...]:
    """Return what of a handler was written, of all that containerd fills in."""
    return handler["runtime_type"], handler["pod_annotations"], handler["options"]


def patches(folder: Path, preset: str, **more: Any) -> dict[int, str]:
    """Return the patches for kind's nodes, by the version that they declare."""
    program = folder / {"crun": "crun", "wasmtime": "containerd-shim-wasmtime-v1"}[preset]
    program.write_bytes(b"a program")
    program.chmod(0o755)
    digest = hashlib.sha256(b"a program").hexdigest()
    text = kind_config(preset=preset, version="1.2.3", sha256=digest, folder=str(folder), **more)
    listed = yaml.safe_load(text)["containerdConfigPatches"]
    return {tomllib.loads(patch)["version"]: patch for patch in listed}


def without_version(patch: str) -> str:
    """Return a patch as kind merges it: into a file of the same version."""
    return patch.partition("\n")[2]


@pytest.mark.parametrize("version", [2, 3])
def test_kinds_patch_for_its_file_is_read(containerd: Path, tmp_path: Path, version: int) -> None:
    """In a file of either version a shim and an OCI runtime are handlers beside runc, with all that was written."""
    oci, shim = patches(tmp_path, "crun"), patches(tmp_path, "wasmtime", systemd_cgroup=True)
    text = base(version) + without_version(oci[version]) + without_version(shim[version])
    found, warned = dumped(containerd, tmp_path, text)

    folder = "/opt/kubernetes-emerging/wasm"
    assert {"runc", "crun", "wasmtime"} == set(found)
    assert "" == warned
    options: dict[str, Any] = {"BinaryName": f"{folder}/crun-1.2.3/crun", "SystemdCgroup": True}
    assert ("io.containerd.runc.v2", ["module.wasm.image/variant"], options) == told(found["crun"])
    path = f"{folder}/wasmtime-1.2.3/containerd-shim-wasmtime-v1"
    assert (path, [], {"SystemdCgroup": True}) == told(found["wasmtime"])


def test_a_plugin_of_another_version_is_ignored(containerd: Path, tmp_path: Path) -> None:
    """In a file of version 3 the older name makes no handler, and a warning at most: so both are written."""
    found, warned = dumped(containerd, tmp_path, base(3) + without_version(patches(tmp_path, "crun")[2]))

    assert {"runc"} == set(found)
    assert "Ignoring unknown key" in warned


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("preset", ["spin", "crun-wasm"])
def test_the_eks_text_is_read_in_either_file(containerd: Path, tmp_path: Path, version: int, preset: str) -> None:
    """Merged into a node's own file, the tables make one handler beside runc, whichever version the file is of."""
    text = eks_user_data(preset=preset, version="1.2.3", sha256=DIGEST, url="https://example.com/wasm.tar.gz")
    parts: Any = message_from_string(text).get_payload()
    merged = base(version) + yaml.safe_load(parts[0].get_payload())["spec"]["containerd"]["config"]
    found, _ = dumped(containerd, tmp_path, merged)

    assert {"runc", preset} == set(found)
    folder = f"/opt/kubernetes-emerging/wasm/{preset}-1.2.3"
    expected: dict[str, tuple[Any, ...]] = {
        "spin": (f"{folder}/containerd-shim-spin-v2", [], {"SystemdCgroup": True}),
        "crun-wasm": ("io.containerd.runc.v2", [], {"BinaryName": f"{folder}/crun-wasm", "SystemdCgroup": True}),
    }
    assert expected[preset] == told(found[preset])
