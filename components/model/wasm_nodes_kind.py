"""A kind cluster whose nodes have a WASM runtime: the user's own Cluster configuration, with what that takes merged in.

kind makes nodes once, so the runtime is there from their creation on: a folder of this machine is mounted into each,
and containerd is given the handler (kind.x-k8s.io/v1alpha4: extraMounts, labels, containerdConfigPatches).
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import yaml

from components.model import wasm_nodes
from components.model.problem import Problem, entries
from components.model.wasm_nodes import CRI_PLUGINS, POOL_LABEL, Runtime

_API = "kind.x-k8s.io/v1alpha4"


def problems(args: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield everything that is wrong with the runtime, its `folder` and `node_folder`, and `config`."""
    yield from wasm_nodes.problems(args)
    yield from wasm_nodes.on_this_machine("folder", args.get("folder") or "")
    yield from wasm_nodes.sha256("sha256", args.get("sha256"), "the program in the folder")
    if given := args.get("node_folder"):
        yield from wasm_nodes.absolute("node_folder", given)
    yield from _readable(args.get("config") or "")


def conflicts(args: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what a readable `config` says otherwise than the runtime needs."""
    runtime, place = _placed(args)
    cluster, mount = _parsed(args.get("config") or ""), _mount(args, place)
    patches = _patches(runtime, place)
    for index, patch in enumerate(cluster.get("containerdConfigPatches") or []):
        if patch not in patches and runtime.handler_name in _handlers(patch):
            yield Problem(
                f"config.containerdConfigPatches[{index}]",
                f"it has the handler {runtime.handler_name!r} already, in another way",
                "remove it there, or write another handler",
            )
    for index, node in entries(cluster.get("nodes")):
        for number, other in entries(node.get("extraMounts")):
            if other.get("containerPath") == place and other != mount:
                yield Problem(
                    f"config.nodes[{index}].extraMounts[{number}]",
                    f"something else is mounted at {place}",
                    "remove it there, or write another node_folder",
                )


def render(args: Mapping[str, Any]) -> str:
    """Return `config`, or that of kind's default cluster, with the runtime on every node, as YAML.

    What is there already stays, but for comments; a second time changes nothing.
    """
    runtime, place = _placed(args)
    cluster, mount = _parsed(args.get("config") or ""), _mount(args, place)
    nodes = cluster.pop("nodes", None) or [{"role": "control-plane"}]
    for node in nodes:
        others = node.get("extraMounts") or []
        node["extraMounts"] = others if mount in others else [*others, mount]
        node["labels"] = {**(node.get("labels") or {}), **POOL_LABEL}
    own = _patches(runtime, place)
    others = [patch for patch in cluster.pop("containerdConfigPatches", None) or [] if patch not in own]
    whole = {**cluster, "containerdConfigPatches": [*others, *own], "nodes": nodes}
    return yaml.dump(whole, Dumper=_Dumper, sort_keys=False, width=1000)


def _placed(args: Mapping[str, Any]) -> tuple[Runtime, str]:
    """Return the runtime, and where nodes see its folder."""
    runtime = wasm_nodes.runtime_of(args)
    if args.get("systemd_cgroup") is None:
        # kind's images have no D-Bus, by which the shims of runwasi reach systemd; crun and runc need none.
        runtime = replace(runtime, systemd_cgroup=not runtime.is_shim)
    return runtime, args.get("node_folder") or runtime.folder


def _patches(runtime: Runtime, node_folder: str) -> list[str]:
    # kind applies a patch only to a file of the version that the patch declares (pkg/internal/patch/toml.go), and node
    # images differ in it: with one for each, whichever file an image has gets the handler.
    return [
        f"version = {version}\n{runtime.tables(plugin, node_folder)}" for version, plugin in sorted(CRI_PLUGINS.items())
    ]


def _mount(args: Mapping[str, Any], place: str) -> dict[str, Any]:
    return {"hostPath": args["folder"], "containerPath": place, "readOnly": True}


def _parsed(config: str) -> dict[str, Any]:
    return yaml.safe_load(config) if config.strip() else {"kind": "Cluster", "apiVersion": _API}


def _readable(config: str) -> Iterator[Problem]:
    try:
        cluster = _parsed(config)
    except yaml.YAMLError as error:
        yield Problem("config", f"it is no YAML: {' '.join(str(error).split())}", "write a kind Cluster configuration")
        return
    if not isinstance(cluster, dict) or (cluster.get("kind"), cluster.get("apiVersion")) != ("Cluster", _API):
        yield Problem("config", "it is no configuration of a kind cluster", f"write kind: Cluster, apiVersion: {_API}")
        return
    for field, wanted in (("nodes", dict), ("containerdConfigPatches", str)):
        found = cluster.get(field)
        if found is not None and not (isinstance(found, list) and all(isinstance(each, wanted) for each in found)):
            yield Problem(f"config.{field}", "it is not of the form that kind reads", "see kind's documentation of it")
    for index, node in entries(cluster.get("nodes")):
        for field, kind in (("extraMounts", list), ("labels", dict)):
            if not isinstance(node.get(field), kind | None):
                where = f"config.nodes[{index}].{field}"
                yield Problem(where, "it is not of the form that kind reads", "see kind's documentation of it")


def _handlers(patch: str) -> set[str]:
    """Return the handlers in a patch; none where it is no TOML, which kind will say."""
    try:
        plugins = tomllib.loads(patch).get("plugins") or {}
        return {name for each in plugins.values() for name in (each.get("containerd") or {}).get("runtimes") or {}}
    except (tomllib.TOMLDecodeError, AttributeError):
        return set()


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as such, for people read them."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)
