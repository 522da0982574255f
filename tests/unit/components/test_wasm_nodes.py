"""What nodes are made with: the texts for kind and EKS, the Shim, and what they refuse."""

import hashlib
import tomllib
from email import message_from_string
from pathlib import Path
from typing import Any

import pytest
import yaml

from components import InvalidArgs, wasm_nodes
from components.model.platforms import table
from components.model.wasm_nodes import NODE_FOLDER, PROGRAMS
from components.model.wasm_nodes_ways import ways
from components.model.wasm_presets import PRESETS
from components.wasm_nodes import eks_user_data, kind_config, shim_resource

CONTENT = b"#!/bin/sh\n"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
V2, V3 = "io.containerd.grpc.v1.cri", "io.containerd.cri.v1.runtime"
SHIM = f"{NODE_FOLDER}/spin-0.24.0/containerd-shim-spin-v2"
SPIN_RELEASES = "spinframework/containerd-shim-spin/releases/download"
RUNWASI_RELEASES = "containerd/runwasi/releases/download"
OWN = """\
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
name: mine
featureGates: {InPlacePodVerticalScaling: true}
containerdConfigPatches:
- |
  [plugins."io.containerd.grpc.v1.cri".registry]
  config_path = "/etc/containerd/certs.d"
nodes:
- role: control-plane
- role: worker
  labels: {tier: web}
  extraMounts:
  - {hostPath: /data, containerPath: /data}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with the programs of every preset, all of the same bytes."""
    for name in ("containerd-shim-mine-v1", *(program.name for program in PROGRAMS.values())):
        (tmp_path / name).write_bytes(CONTENT)
        (tmp_path / name).chmod(0o755)
    return tmp_path


def kind(folder: Path, **more: Any) -> dict[str, Any]:
    """Return the configuration of a kind cluster with Spin, or with something else."""
    given = {"preset": "spin", "version": "0.24.0", "sha256": DIGEST, "folder": str(folder), **more}
    return dict(yaml.safe_load(kind_config(**given)))


def handlers(text: str) -> dict[str, dict[str, Any]]:
    """Return the handlers in a part of containerd's configuration, by plugin."""
    return {name: each["containerd"]["runtimes"] for name, each in tomllib.loads(text)["plugins"].items()}


def told(problems: InvalidArgs) -> dict[str, str]:
    """Return the messages by path."""
    return {problem.path: problem.message for problem in problems.problems}


def test_public_names() -> None:
    """A public name is added or taken away knowingly."""
    assert ["POOL_LABEL", "eks_user_data", "kind_config", "shim_resource"] == wasm_nodes.__all__


def test_every_preset_has_a_program_but_the_one_without_a_name() -> None:
    """A runtime that workloads can be written for is one that nodes can be made with."""
    assert set(PRESETS) == {*PROGRAMS, "custom"}


def test_kind_gets_a_handler_for_either_file_of_containerd(folder: Path) -> None:
    """Each patch declares its version, by which kind chooses, and names the plugin of that version alone."""
    patches = kind(folder)["containerdConfigPatches"]

    assert [2, 3] == [tomllib.loads(patch)["version"] for patch in patches]
    handler = {"runtime_type": SHIM, "options": {"SystemdCgroup": False}}
    assert [{V2: {"spin": handler}}, {V3: {"spin": handler}}] == [handlers(patch) for patch in patches]


def test_kinds_default_cluster_gets_the_folder_and_the_label(folder: Path) -> None:
    """Without a configuration of one's own there is one node, as kind makes it."""
    assert [
        {
            "role": "control-plane",
            "extraMounts": [{"hostPath": str(folder), "containerPath": f"{NODE_FOLDER}/spin-0.24.0", "readOnly": True}],
            "labels": {"kubernetes-emerging/wasm": "true"},
        }
    ] == kind(folder)["nodes"]


def test_a_configuration_of_ones_own_stays(folder: Path) -> None:
    """Its fields, patches, mounts and labels are all there, and every node has the runtime beside them."""
    before, after = yaml.safe_load(OWN), kind(folder, config=OWN)

    assert before["containerdConfigPatches"] == after["containerdConfigPatches"][:1]
    assert {"name": "mine", "featureGates": {"InPlacePodVerticalScaling": True}}.items() <= after.items()
    assert ["control-plane", "worker"] == [node["role"] for node in after["nodes"]]
    assert [[f"{NODE_FOLDER}/spin-0.24.0"], ["/data", f"{NODE_FOLDER}/spin-0.24.0"]] == [
        [mount["containerPath"] for mount in node["extraMounts"]] for node in after["nodes"]
    ]
    assert {"tier": "web", "kubernetes-emerging/wasm": "true"} == after["nodes"][1]["labels"]


def test_a_second_time_changes_nothing(folder: Path) -> None:
    """What this wrote can be given to it again, and another runtime merged in beside."""
    args: dict[str, Any] = {"preset": "spin", "version": "0.24.0", "sha256": DIGEST, "folder": str(folder)}
    once = kind_config(**args, config=OWN)

    assert once == kind_config(**args, config=once)
    both = kind(folder, preset="crun-wasm", version="1.21", config=once)
    assert ["spin", "spin", "crun-wasm", "crun-wasm"] == [
        name for patch in both["containerdConfigPatches"][1:] for each in handlers(patch).values() for name in each
    ]


def test_an_oci_runtime_is_behind_containerds_own_shim(folder: Path) -> None:
    """Thus crun is named as the program of the shim for runc, and makes its control groups through systemd."""
    (_, patch) = kind(folder, preset="crun-wasm", version="1.21", node_folder="/opt/wasm")["containerdConfigPatches"]

    assert {
        "crun-wasm": {
            "runtime_type": "io.containerd.runc.v2",
            "options": {"BinaryName": "/opt/wasm/crun-wasm", "SystemdCgroup": True},
        }
    } == handlers(patch)[V3]


def test_what_a_runtime_reads_of_pods_is_passed_on(folder: Path) -> None:
    """Under its own name crun goes by an annotation, which containerd would keep from it."""
    (_, patch) = kind(folder, preset="crun", version="1.21")["containerdConfigPatches"]

    assert ["module.wasm.image/variant"] == handlers(patch)[V3]["crun"]["pod_annotations"]


def test_a_runtime_of_ones_own(folder: Path) -> None:
    """It has a handler and a program, whose name says that it is a shim."""
    made = kind(
        folder,
        preset="custom",
        version="2.0",
        handler="mine",
        program="containerd-shim-mine-v1",
        systemd_cgroup=True,
    )
    assert {
        "runtime_type": f"{NODE_FOLDER}/mine-2.0/containerd-shim-mine-v1",
        "options": {"SystemdCgroup": True},
    } == handlers(made["containerdConfigPatches"][1])[V3]["mine"]


def test_another_program_than_the_pinned_one_is_refused(folder: Path) -> None:
    """The file is read: what was tried and what would be mounted are the same bytes."""
    (folder / "containerd-shim-spin-v2").write_bytes(CONTENT + b"more")
    with pytest.raises(InvalidArgs) as caught:
        kind(folder)

    found = hashlib.sha256(CONTENT + b"more").hexdigest()
    assert {"sha256": f"{folder}/containerd-shim-spin-v2 has {found}"} == told(caught.value)


def test_a_program_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """Docker would mount an empty folder, and the first pod would be the one to notice."""
    with pytest.raises(InvalidArgs) as caught:
        kind(tmp_path)
    assert {"folder": "it has no executable containerd-shim-spin-v2"} == told(caught.value)


def test_what_contradicts_a_configuration_is_refused(folder: Path) -> None:
    """Another handler of the name, and another mount at the place, would win or lose silently."""
    other = kind_config(preset="spin", version="0.24.0", sha256=DIGEST, folder=str(folder)).replace(
        "SystemdCgroup = false", "SystemdCgroup = true"
    )
    with pytest.raises(InvalidArgs) as caught:
        kind(folder, config=other.replace(str(folder), "/elsewhere"))
    assert {
        "config.containerdConfigPatches[0]": "it has the handler 'spin' already, in another way",
        "config.containerdConfigPatches[1]": "it has the handler 'spin' already, in another way",
        "config.nodes[0].extraMounts[0]": f"something else is mounted at {NODE_FOLDER}/spin-0.24.0",
    } == told(caught.value)


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ("{", "config"),
        ("kind: Pod", "config"),
        (OWN.replace("- role: control-plane", "- control-plane"), "config.nodes"),
        (OWN.replace("labels: {tier: web}", "labels: [web]"), "config.nodes[1].labels"),
        (
            "{kind: Cluster, apiVersion: kind.x-k8s.io/v1alpha4, containerdConfigPatches: a}",
            "config.containerdConfigPatches",
        ),
    ],
)
def test_a_configuration_that_kind_would_not_read_is_refused(folder: Path, config: str, path: str) -> None:
    """It is told before kind is, with its place."""
    with pytest.raises(InvalidArgs) as caught:
        kind(folder, config=config)
    assert [path] == [problem.path for problem in caught.value.problems]


def test_everything_wrong_is_told_at_once() -> None:
    """Bad names, versions, paths and digests come together, each with its remedy."""
    with pytest.raises(InvalidArgs) as caught:
        kind_config(
            preset="spinn", version="latest", sha256="", folder="relative", handler="Spin!", program="a/b", config="{"
        )
    assert {"preset", "version", "sha256", "folder", "handler", "program", "config"} == set(told(caught.value))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("version", "v0.24.0", "'v0.24.0' is not a version"),
        ("version", "latest", "'latest' is not a version"),
        ("sha256", "", "it is empty"),
        ("sha256", DIGEST.upper(), f"{DIGEST.upper()!r} is not a SHA-256 digest in lower-case hexadecimal"),
        ("sha256", hashlib.sha256(b"").hexdigest(), "it is the digest of an empty file"),
        ("url", "http://example.com/a.tgz", "plain http can be read and held back by anyone between"),
        ("url", "https://me:hush@example.com/a", "'https://me:hush@example.com/a' is not an address"),
        ("url", "https://example.com/a?token=hush", "'https://example.com/a?token=hush' is not an address"),
        ("url", "https://example.com/$(reboot)", "'https://example.com/$(reboot)' is not an address"),
        ("architecture", "x86_64", "'x86_64' is not one of its values"),
        ("handler", "runc", "'runc' is every ordinary container's"),
        ("handler", "my.handler", "'my.handler' is not a valid name"),
        ("program", "containerd-shim-spin", "'containerd-shim-spin' is not a shim's name"),
    ],
)
def test_each_rule(field: str, value: str, message: str) -> None:
    """A value is refused in words, and nothing else with it."""
    args: dict[str, Any] = {"preset": "spin", "version": "0.24.0", "sha256": DIGEST, field: value}
    with pytest.raises(InvalidArgs) as caught:
        eks_user_data(**args)
    assert [field] == list(told(caught.value))
    assert told(caught.value)[field].startswith(message)


def test_a_custom_runtime_has_to_be_described() -> None:
    """It has neither name nor program nor release that would be known."""
    with pytest.raises(InvalidArgs) as caught:
        eks_user_data(preset="custom", version="1.0", sha256=DIGEST)
    assert {"handler", "program", "url"} == set(told(caught.value))


def parts(text: str) -> list[tuple[str, str]]:
    """Return type and content of the parts of user data, as cloud-init reads them."""
    message = message_from_string(text)
    assert message.is_multipart()
    assert [] == message.defects
    listed: Any = message.get_payload()
    return [(part.get_content_type(), part.get_payload()) for part in listed]


def test_an_eks_node_gets_a_handler_for_either_file_of_containerd() -> None:
    """There is a table for each plugin, and no version, which is that of the file it is merged into."""
    (kind_of, content), (script, _) = parts(eks_user_data(preset="wasmtime", version="0.6.0", sha256=DIGEST))

    assert ("application/node.eks.aws", "text/x-shellscript") == (kind_of, script)
    config = yaml.safe_load(content)
    assert ("node.eks.aws/v1alpha1", "NodeConfig") == (config["apiVersion"], config["kind"])
    text = config["spec"]["containerd"]["config"]
    path = f"{NODE_FOLDER}/wasmtime-0.6.0/containerd-shim-wasmtime-v1"
    handler = {"wasmtime": {"runtime_type": path, "options": {"SystemdCgroup": True}}}
    assert {V2: handler, V3: handler} == handlers(text)
    assert ["plugins"] == list(tomllib.loads(text))


@pytest.mark.parametrize(
    ("preset", "architecture", "path"),
    [
        ("spin", "amd64", f"{SPIN_RELEASES}/v0.6.0/containerd-shim-spin-v2-linux-x86_64.tar.gz"),
        (
            "wasmtime",
            "arm64",
            f"{RUNWASI_RELEASES}/containerd-shim-wasmtime%2Fv0.6.0/containerd-shim-wasmtime-aarch64-linux-musl.tar.gz",
        ),
    ],
)
def test_the_archive_is_the_releases(preset: str, architecture: str, path: str) -> None:
    """By default it is what the project itself releases for the architecture."""
    text = eks_user_data(preset=preset, version="0.6.0", sha256=DIGEST, architecture=architecture)
    assert f"'https://github.com/{path}'" in text


def test_user_data_is_small_enough() -> None:
    """EC2 takes 16 KiB of it."""
    assert 4096 > len(eks_user_data(preset="wasmedge", version="0.6.0", sha256=DIGEST))


def test_a_shim_for_runtime_class_manager() -> None:
    """Each architecture has an archive with its digest, and the class has the handler that the installer makes."""
    found = shim_resource(
        preset="spin",
        version="0.24.0",
        sha256={"amd64": DIGEST, "arm64": DIGEST[::-1]},
        urls={"arm64": "https://mirror.example.com/spin.tar.gz"},
        node_selector={"pool": "wasm"},
        class_name="wasmtime-spin-v2",
    )
    amd64 = {
        "os": "linux",
        "arch": "amd64",
        "location": f"https://github.com/{SPIN_RELEASES}/v0.24.0/containerd-shim-spin-v2-linux-x86_64.tar.gz",
        "sha256": DIGEST,
    }
    arm64 = {
        "os": "linux",
        "arch": "arm64",
        "location": "https://mirror.example.com/spin.tar.gz",
        "sha256": DIGEST[::-1],
    }
    assert {
        "apiVersion": "runtime.spinkube.dev/v1alpha1",
        "kind": "Shim",
        "metadata": {"name": "spin-v2"},
        "spec": {
            "nodeSelector": {"pool": "wasm"},
            "fetchStrategy": {"platforms": [amd64, arm64]},
            "runtimeClass": {"name": "wasmtime-spin-v2", "handler": "spin-v2"},
            "containerdRuntimeOptions": {"SystemdCgroup": "true"},
            "rolloutStrategy": {"type": "recreate"},
        },
    } == found


def test_a_shim_without_what_pins_it_is_refused() -> None:
    """No digest, no pool, plain http and an address without a digest come together."""
    with pytest.raises(InvalidArgs) as caught:
        shim_resource(
            preset="spin", version="0.24.0", sha256={}, node_selector={}, urls={"amd64": "http://example.com/a.tgz"}
        )
    assert ["sha256", "urls.amd64", "sha256.amd64", "node_selector"] == [each.path for each in caught.value.problems]


def test_the_installer_installs_shims_alone() -> None:
    """An OCI runtime is refused, by preset and by program."""
    cases: list[dict[str, Any]] = [{"preset": "crun-wasm"}, {"preset": "custom", "program": "crun-wasm"}]
    for more in cases:
        with pytest.raises(InvalidArgs, match="runtime-class-manager installs shims alone"):
            shim_resource(
                version="1.21",
                sha256={"amd64": DIGEST},
                urls={"amd64": "https://example.com/crun.tar.gz"},
                node_selector={"pool": "wasm"},
                **more,
            )


def test_every_kind_of_node_has_a_way() -> None:
    """Also those that cannot have a runtime are named, with what to do."""
    found = {(way.platform, way.node_type): way for way in ways()}

    assert [(row.platform, row.node_type) for row in table().node_types] == list(found)
    for name in (("eks", "fargate"), ("eks", "bottlerocket"), ("gke", "cos"), ("gke", "autopilot")):
        assert "yes" != found[name].answer
        assert found[name].way
        assert found[name].source
