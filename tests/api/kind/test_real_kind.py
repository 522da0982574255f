"""The real kind, built from its pinned module, with a double of Docker: what it makes of our configuration.

There is no container runtime here, so no cluster comes up: kind reads the configuration strictly and asks Docker for
the node's container, and what it asks for is looked at.
"""

import hashlib
import subprocess
from pathlib import Path

import pytest

from components.wasm_nodes import kind_config
from lab.kind import tools
from lab.kind.config import NODE_IMAGES, Ports, cluster_config
from lab.progress import PlainProgress

_DOCKER = """#!/bin/sh
printf '%s ' "$@" >> "$DIARY"
echo >> "$DIARY"
case "$1" in
  -v) echo "Docker version 28.2.2, build e6534b4" ;;
  info) echo "{}" ;;
  run) exit 1 ;;
esac
"""


@pytest.fixture(scope="module")
def kind() -> Path:
    """Build kind, where it is not in the cache, and give its path."""
    return tools._built(tools.BINARY, PlainProgress())


def asked_of_docker(kind: Path, folder: Path, config: str) -> tuple[str, str]:
    """Run `kind create cluster`; return the `docker run` that it asked for, and what it said."""
    docker = folder / "docker"
    docker.write_text(_DOCKER)
    docker.chmod(0o755)
    (folder / "cluster.yaml").write_text(config)
    files = ["--config", str(folder / "cluster.yaml"), "--kubeconfig", str(folder / "kubeconfig")]
    # Nothing else of this environment: with a proxy's variables kind asks Docker for more.
    environment = {
        "PATH": f"{folder}:/usr/bin:/bin",
        "HOME": str(folder),
        "DIARY": str(folder / "diary"),
        "KIND_EXPERIMENTAL_PROVIDER": "docker",
    }
    done = subprocess.run(
        [str(kind), "create", "cluster", *files, "--wait", "180s", "--name", "demo"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    asked = (folder / "diary").read_text().splitlines() if (folder / "diary").exists() else []
    return next((line for line in asked if line.startswith("run ")), ""), done.stderr


@pytest.mark.parametrize("minor", sorted(NODE_IMAGES))
def test_node_has_both_ports_the_runtime_and_the_pinned_image(kind: Path, tmp_path: Path, minor: str) -> None:
    """TCP and UDP are published on loopback, the WASM runtime is mounted read-only, and the image has its digest."""
    asked, said = asked_of_docker(kind, tmp_path, cluster_config(minor, Ports(8080, 9090), Path("/cache/wasm")))
    assert "--publish=127.0.0.1:8080:30080/TCP" in asked, said
    assert "--publish=127.0.0.1:9090:30090/UDP" in asked
    assert "--volume=/cache/wasm:/opt/kubernetes-emerging/wasm:ro" in asked
    assert NODE_IMAGES[minor] in asked


def test_an_unknown_field_would_have_been_noticed(kind: Path, tmp_path: Path) -> None:
    """The reading is strict: a misspelt field of the configuration is an error, and Docker is asked for nothing."""
    config = cluster_config("1.33", Ports(8080, 9090), None).replace("extraPortMappings", "extraPorts")
    asked, said = asked_of_docker(kind, tmp_path, config)
    assert "field extraPorts not found" in said
    assert "" == asked


def test_a_configuration_with_a_wasm_runtime_is_read(kind: Path, tmp_path: Path) -> None:
    """What was merged into a user's own configuration passes the strict reading, and every node gets the folder."""
    program = tmp_path / "containerd-shim-spin-v2"
    program.write_bytes(b"a shim")
    program.chmod(0o755)
    own = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes: [{role: control-plane}]\n"
    digest = hashlib.sha256(b"a shim").hexdigest()
    config = kind_config(preset="spin", version="0.24.0", sha256=digest, folder=str(tmp_path), config=own)
    asked, said = asked_of_docker(kind, tmp_path, config)
    assert f"--volume={tmp_path}:/opt/kubernetes-emerging/wasm/spin-0.24.0:ro" in asked, said
