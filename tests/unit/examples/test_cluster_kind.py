"""The kind cluster's program under mocks, and its commands against a double of kind that checks every argument."""

import asyncio
import os
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.examples.test_cluster_programs import Program, put_on_path, start

COMMAND = "command:local:Command"
KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: kind-kubernetes-emerging-unit
clusters: [{name: c, cluster: {server: "https://127.0.0.1:45123"}}]
users: [{name: u, user: {token: hush}}]
contexts: [{name: kind-kubernetes-emerging-unit, context: {cluster: c, user: u}}]
"""
# The double's clusters are files; it notes every call, and refuses one that it does not know.
KIND = """\
[ "$1" = version ] && { echo "kind v${KIND_DOUBLE:-0.33.0} go1.26.8 linux/amd64"; exit 0; }
echo "$*" | sed "s#--kubeconfig [^ ]*/kubeconfig#--kubeconfig OWN#" >> "$WORLD/diary"
[ "$KIND_EXPERIMENTAL_PROVIDER" = docker ] && [ "$KUBECONFIG" = /dev/null ] || exit 65
case "$*" in
  "create cluster --name kubernetes-emerging-unit --config - --kubeconfig "*" --wait 180s")
    [ -e "$WORLD/cluster" ] && { echo "node(s) already exist for a cluster with the name" >&2; exit 1; }
    ls -ld "$(dirname "$8")" | cut -c 1-10 > "$WORLD/mode"
    dirname "$8" > "$WORLD/folder"
    echo hush > "$8"
    cat > "$WORLD/cluster" ;;
  "get nodes --name kubernetes-emerging-unit") echo kubernetes-emerging-unit-control-plane ;;
  "get kubeconfig --name kubernetes-emerging-unit") cat "$WORLD/kubeconfig" ;;
  "delete cluster --name kubernetes-emerging-unit --kubeconfig "*)
    dirname "$6" > "$WORLD/folder"
    rm -f "$WORLD/cluster" ;;
  *) echo "the kind double does not know: $*" >&2; exit 64 ;;
esac"""


@pytest.fixture
def program(loop: asyncio.AbstractEventLoop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Return the program, on a machine with doubles of kind and Docker."""
    del loop
    put_on_path(tmp_path / "bin", monkeypatch, kind=KIND, docker="exit 64", podman="exit 64")
    monkeypatch.setenv("WORLD", str(tmp_path))
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    return start("03-cluster-kind", {COMMAND: {"stdout": KUBECONFIG}})


def configuration(program: Program) -> dict[str, Any]:
    """Return the configuration that kind is given."""
    return dict(yaml.safe_load(program.mocks.inputs(COMMAND, "cluster")["stdin"]))


def run(program: Program, resource: str, command: str) -> subprocess.CompletedProcess[str]:
    """Run one of a Command's texts as pulumi-command does: by sh, with its stdin and its environment on top of ours."""
    inputs = program.mocks.inputs(COMMAND, resource)
    return subprocess.run(
        ["/bin/sh", "-c", inputs[command]],
        env={**os.environ, "KUBECONFIG": "/nobody/config", **inputs["environment"]},
        input=inputs.get("stdin", ""),
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_node_is_a_pinned_1_33_that_resizes_in_place(program: Program) -> None:
    """The image has a digest, and the gate of 1.33 is written down."""
    program.deploy()

    (node,) = configuration(program)["nodes"]
    assert node["image"].startswith("kindest/node:v1.33.12@sha256:")
    assert {"InPlacePodVerticalScaling": True} == configuration(program)["featureGates"]


def test_newer_nodes_get_no_gate(program: Program) -> None:
    """A server of a release in which the feature is generally available no longer knows its gate."""
    program.deploy(kubernetesVersion="1.37")

    (node,) = configuration(program)["nodes"]
    assert node["image"].startswith("kindest/node:v1.37.0@sha256:")
    assert "featureGates" not in configuration(program)


def test_both_protocols_reach_the_main_programs_node_ports(program: Program) -> None:
    """TCP leads to 30080 and UDP to 30090, from this machine's own address and from no other."""
    program.deploy(httpPort="18080", udpPort="19090")

    (node,) = configuration(program)["nodes"]
    assert [
        {"listenAddress": "127.0.0.1", "hostPort": 18080, "containerPort": 30080, "protocol": "TCP"},
        {"listenAddress": "127.0.0.1", "hostPort": 19090, "containerPort": 30090, "protocol": "UDP"},
    ] == node["extraPortMappings"]


def test_a_wasm_runtime_becomes_a_handler_in_either_file_of_containerd(program: Program, tmp_path: Path) -> None:
    """One patch for each version of the file, of which kind applies the one that fits; both name the same program."""
    (tmp_path / "runtime").mkdir()
    (tmp_path / "runtime" / "crun-wasm").touch(0o755)

    program.deploy(wasmFolder=str(tmp_path / "runtime"))

    patches = [tomllib.loads(text) for text in configuration(program)["containerdConfigPatches"]]
    plugins = {2: "io.containerd.grpc.v1.cri", 3: "io.containerd.cri.v1.runtime"}
    assert list(plugins) == [patch["version"] for patch in patches]
    for patch in patches:
        assert {
            "wasmedge": {
                "runtime_type": "io.containerd.runc.v2",
                "options": {"BinaryName": "/opt/kubernetes-emerging/wasm/crun-wasm", "SystemdCgroup": True},
            }
        } == patch["plugins"][plugins[patch["version"]]]["containerd"]["runtimes"]
    (node,) = configuration(program)["nodes"]
    assert [
        {"hostPath": str(tmp_path / "runtime"), "containerPath": "/opt/kubernetes-emerging/wasm", "readOnly": True}
    ] == node["extraMounts"]


def test_without_a_wasm_runtime_containerd_is_left_alone(program: Program) -> None:
    """Neither a mount nor a patch is there by default."""
    program.deploy()

    assert "containerdConfigPatches" not in configuration(program)
    assert "extraMounts" not in configuration(program)["nodes"][0]


def test_a_change_deletes_the_old_cluster_first(program: Program) -> None:
    """All that shapes the cluster is a trigger, and a trigger replaces, the old one going before the new one comes."""
    program.deploy()

    request = program.request(COMMAND, "cluster")
    assert (True, ["triggers[*]"]) == (request.deleteBeforeReplace, list(request.replaceOnChanges))
    inputs = program.mocks.inputs(COMMAND, "cluster")
    assert [inputs["stdin"], "docker"] == inputs["triggers"]
    assert "kubernetes-emerging-unit" == configuration(program)["name"]


def test_the_kubeconfig_is_secret_and_follows_the_cluster(program: Program) -> None:
    """It is read for each new cluster, encrypted in the state, and in no log and no environment."""
    program.deploy()

    inputs = program.mocks.inputs(COMMAND, "kubeconfig")
    assert ["cluster-id"] == inputs["triggers"]
    assert ("none", False) == (inputs["logging"], inputs["addPreviousOutputInEnv"])
    assert ["stdout"] == list(program.request(COMMAND, "kubeconfig").additionalSecretOutputs)
    assert False is program.mocks.inputs(COMMAND, "cluster")["addPreviousOutputInEnv"]


def test_the_outputs_are_what_the_main_program_reads(program: Program) -> None:
    """The kubeconfig with kind's own context, and the platform by its name there."""
    program.deploy()

    assert {"kubeconfig", "context", "platform"} == set(program.exports)
    assert "https://127.0.0.1:45123" == program.kubeconfig()["clusters"][0]["cluster"]["server"]
    assert ("kind-kubernetes-emerging-unit", "kind") == (
        program.exports["context"].value,
        program.exports["platform"].value,
    )


def test_the_cluster_is_made_by_name_and_leaves_no_kubeconfig(program: Program, tmp_path: Path) -> None:
    """It gets its configuration, and a kubeconfig in a folder that nobody else can read and that is gone after."""
    program.deploy()

    assert (0, "") == (run(program, "cluster", "create").returncode, run(program, "cluster", "delete").stdout)
    assert [
        "create cluster --name kubernetes-emerging-unit --config - --kubeconfig OWN --wait 180s",
        "delete cluster --name kubernetes-emerging-unit --kubeconfig OWN",
    ] == (tmp_path / "diary").read_text().splitlines()
    assert "drwx------" == (tmp_path / "mode").read_text().strip()
    assert not Path((tmp_path / "folder").read_text().strip()).exists()
    assert not (tmp_path / "cluster").exists()


def test_a_cluster_that_is_there_is_not_taken_over(program: Program, tmp_path: Path) -> None:
    """One of the same name makes the creation fail, in kind's own words, and stays as it is."""
    program.deploy()
    (tmp_path / "cluster").write_text("another's")

    failed = run(program, "cluster", "create")

    assert (1, "node(s) already exist for a cluster with the name\n") == (failed.returncode, failed.stderr)
    assert "another's" == (tmp_path / "cluster").read_text()


def test_an_update_makes_no_cluster(program: Program, tmp_path: Path) -> None:
    """An edit of the program's texts runs a look at the nodes, and not the creation again."""
    program.deploy()
    run(program, "cluster", "create")
    made = (tmp_path / "cluster").read_text()

    assert (0, "kubernetes-emerging-unit-control-plane\n") == (
        run(program, "cluster", "update").returncode,
        run(program, "cluster", "update").stdout,
    )
    assert made == (tmp_path / "cluster").read_text() == program.mocks.inputs(COMMAND, "cluster")["stdin"]
    assert KUBECONFIG == run(program, "kubeconfig", "create").stdout


def test_bad_config_is_refused_whole(program: Program) -> None:
    """Each key is named with what is wrong and what to write, and nothing is registered."""
    name = "write 1 to 40 lower-case letters, digits and hyphens that begin and end with a letter or digit"
    problems = program.refusal(
        clusterName="Not_A_Name",
        kubernetesVersion="1.32",
        provider="nerdctl",
        httpPort="0",
        udpPort="many",
        wasmFolder="relative",
        wasmHandler="Wasm Edge",
    )

    assert [
        f"cluster-kind:clusterName: 'Not_A_Name' is not of the right form; {name}",
        "cluster-kind:kubernetesVersion: '1.32' is not of the right form; write 1.33 or 1.37",
        "cluster-kind:provider: 'nerdctl' is not of the right form; write docker or podman",
        "cluster-kind:httpPort: '0' is no whole number from 1 to 65535; write one of that range",
        "cluster-kind:udpPort: 'many' is no whole number from 1 to 65535; write one of that range",
        "cluster-kind:wasmFolder: 'relative' is not of the right form; write an absolute path",
        "cluster-kind:wasmHandler: 'Wasm Edge' is not of the right form; write a lower-case name such as wasmedge",
        "cluster-kind:wasmFolder: it has no executable crun-wasm; write the folder of the WASM runtime",
    ] == problems


def test_an_old_kind_is_refused(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """The node images need kind 0.32 or later."""
    monkeypatch.setenv("KIND_DOUBLE", "0.31.0")

    assert [
        "this machine: kind says it is 'kind v0.31.0 go1.26.8 linux/amd64'; install kind 0.32.0 or later"
    ] == program.refusal()


def test_missing_programs_are_all_named(program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without kind and without Docker hears of both at once."""
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))

    assert [
        "cluster-kind:provider: docker is not on PATH; install it, or write the other one",
        "this machine: kind is not on PATH; install kind 0.32.0 or later",
    ] == program.refusal()
