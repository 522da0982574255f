"""The configuration that kind is given."""

import tomllib
from pathlib import Path

import pytest
import yaml

from lab.kind.config import NODE_IMAGES, Ports, cluster_config


def test_ports_of_both_protocols_reach_the_node_from_loopback_only() -> None:
    """HTTP and UDP are published on this machine's loopback address, to the program's NodePorts."""
    config = yaml.safe_load(cluster_config("1.33", Ports(8080, 9090), None))
    assert [
        {"containerPort": 30080, "hostPort": 8080, "listenAddress": "127.0.0.1", "protocol": "TCP"},
        {"containerPort": 30090, "hostPort": 9090, "listenAddress": "127.0.0.1", "protocol": "UDP"},
    ] == config["nodes"][0]["extraPortMappings"]


@pytest.mark.parametrize("minor", ["1.33", "1.37"])
def test_image_is_of_the_wanted_minor_and_pinned(minor: str) -> None:
    """The node image carries the minor and a digest."""
    image = yaml.safe_load(cluster_config(minor, Ports(1, 2), None))["nodes"][0]["image"]
    assert NODE_IMAGES[minor] == image
    assert image.startswith(f"kindest/node:v{minor}.")
    assert "@sha256:" in image


def test_feature_gates_only_where_the_server_knows_them() -> None:
    """Resizing in place is a beta gate in 1.33; where it is no gate any more, none is set."""
    assert {"InPlacePodVerticalScaling": True} == yaml.safe_load(cluster_config("1.33", Ports(1, 2), None))[
        "featureGates"
    ]
    assert "featureGates" not in yaml.safe_load(cluster_config("1.37", Ports(1, 2), None))


def test_wasm_handler_comes_for_both_forms_of_containerds_file() -> None:
    """A patch takes effect where its version is the file's own: there is one for each, and both name one program."""
    config = yaml.safe_load(cluster_config("1.33", Ports(1, 2), Path("/cache/wasm")))
    patches = [tomllib.loads(text) for text in config["containerdConfigPatches"]]
    plugins = {patch["version"]: next(iter(patch["plugins"].items())) for patch in patches}

    assert ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.runtime"] == [plugins[v][0] for v in (2, 3)]
    for _, plugin in plugins.values():
        runtime = plugin["containerd"]["runtimes"]["wasmedge"]
        assert "io.containerd.runc.v2" == runtime["runtime_type"]
        assert "/opt/kubernetes-emerging/wasm/crun-wasm" == runtime["options"]["BinaryName"]
        assert runtime["options"]["SystemdCgroup"]
    assert [{"hostPath": "/cache/wasm", "containerPath": "/opt/kubernetes-emerging/wasm", "readOnly": True}] == config[
        "nodes"
    ][0]["extraMounts"]


def test_without_a_runtime_there_is_no_handler() -> None:
    """Where the WASM runtime cannot be had, the node neither mounts nor names it."""
    config = yaml.safe_load(cluster_config("1.33", Ports(1, 2), None))
    assert "containerdConfigPatches" not in config
    assert "extraMounts" not in config["nodes"][0]
