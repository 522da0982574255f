"""WASM runtimes onto nodes: what kind, an EKS node group or runtime-class-manager is given, as text or manifest.

These are functions and no components: what nodes are made with is decided before there is a cluster. Each takes a
pinned version and the SHA-256 digest that goes with it, which has no default, and refuses everything that is wrong at
once. Nothing is installed, fetched or restarted here. docs/wasm-nodes.md tells which way is for whom.
"""

from collections.abc import Mapping
from typing import Any

from components._errors import raise_for
from components.actions.wasm_nodes import kind_problems
from components.model import wasm_nodes_eks, wasm_nodes_kind, wasm_nodes_shim
from components.model.wasm_nodes import POOL_LABEL

__all__ = ["POOL_LABEL", "eks_user_data", "kind_config", "shim_resource"]


def kind_config(
    *,
    preset: str,
    version: str,
    sha256: str,
    folder: str,
    handler: str = "",
    program: str = "",
    node_folder: str = "",
    config: str = "",
    systemd_cgroup: bool | None = None,
) -> str:
    """Return the configuration of a kind cluster whose nodes have the runtime, as YAML.

    The folder of this machine, an absolute path, is mounted read-only into every node at `node_folder` (by default one
    of handler and version), so it holds the program and what it needs beside it. `config` is a configuration of yours,
    which stays as it is but for comments; every node also gets `POOL_LABEL`. Handler and program are the preset's by
    default; a program called containerd-shim-... is containerd's shim, any other is an OCI runtime. `systemd_cgroup`
    is by default true for OCI runtimes and false for shims, which need D-Bus for it. A change of what this returns
    means another cluster: kind changes none that is there.

    Raises InvalidArgs with every problem; a program whose digest is not `sha256` is one.
    """
    args = {
        "preset": preset,
        "version": version,
        "sha256": sha256,
        "folder": folder,
        "handler": handler,
        "program": program,
        "node_folder": node_folder,
        "config": config,
        "systemd_cgroup": systemd_cgroup,
    }
    raise_for("kind_config", preset, kind_problems(args))
    return wasm_nodes_kind.render(args)


def eks_user_data(
    *,
    preset: str,
    version: str,
    sha256: str,
    architecture: str = "amd64",
    handler: str = "",
    program: str = "",
    url: str = "",
    systemd_cgroup: bool = True,
) -> str:
    """Return the user data of an EKS node group on AL2023 whose nodes have the runtime: plain text of several parts.

    A launch template takes it in base64. Each new node fetches the archive from its project's release or from `url`
    (https, a .tar.gz with the program at its top, or the program itself), and does not join the cluster unless its
    digest is `sha256`. Nodes that exist are not touched: a change rolls the node group.

    Raises InvalidArgs with every problem.
    """
    args = {
        "preset": preset,
        "version": version,
        "sha256": sha256,
        "architecture": architecture,
        "handler": handler,
        "program": program,
        "url": url,
        "systemd_cgroup": systemd_cgroup,
    }
    raise_for("eks_user_data", preset, list(wasm_nodes_eks.problems(args)))
    return wasm_nodes_eks.render(args)


def shim_resource(
    *,
    preset: str,
    version: str,
    sha256: Mapping[str, str],
    node_selector: Mapping[str, str],
    urls: Mapping[str, str] | None = None,
    class_name: str = "",
    program: str = "",
    systemd_cgroup: bool = True,
) -> dict[str, Any]:
    """Return a Shim (runtime.spinkube.dev/v1alpha1), by which runtime-class-manager installs a shim on live nodes.

    `sha256` and `urls` are by architecture: amd64, arm64. `node_selector` has labels of the nodes; the installer makes
    a RuntimeClass `class_name` of the same selector. Its handler is what the installer calls the shim (`spin-v2`), so
    take `["spec"]["runtimeClass"]` of what this returns for a WasmRuntime or a workload. Give the object to
    `pulumi_kubernetes.apiextensions.CustomResource` or to kubectl. The installer restarts containerd on all of these
    nodes at once, and a change of the address does nothing: docs/wasm-nodes.md has what else to know.

    Raises InvalidArgs with every problem.
    """
    args = {
        "preset": preset,
        "version": version,
        "sha256": sha256,
        "node_selector": node_selector,
        "urls": urls,
        "class_name": class_name,
        "program": program,
        "systemd_cgroup": systemd_cgroup,
    }
    raise_for("shim_resource", preset, list(wasm_nodes_shim.problems(args)))
    return wasm_nodes_shim.render(args)
