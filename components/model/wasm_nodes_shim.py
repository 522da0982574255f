"""The resource by which runtime-class-manager installs a shim on nodes that exist already.

The fields are those of runtime.spinkube.dev/v1alpha1 in its release 0.2 (api/v1alpha1/shim_types.go, docs/shim.md).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from components.model import names, wasm_nodes
from components.model.problem import Problem, entry_path
from components.model.wasm_nodes import ARCHITECTURES, PROGRAMS

_URLS = "urls"


def problems(args: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield everything that is wrong with the runtime, `sha256`, `urls`, `class_name` and `node_selector`."""
    yield from wasm_nodes.program_problems(args)
    preset, program = args.get("preset") or "", args.get("program")
    if preset in PROGRAMS and not PROGRAMS[preset].shim and not program:
        remedy = "take a shim's preset, or make nodes with it from the start (kind, EKS)"
        yield Problem("preset", f"{preset!r} is an OCI runtime, and runtime-class-manager installs shims alone", remedy)
    if isinstance(program, str) and program and not program.startswith("containerd-shim-"):
        yield Problem("program", "runtime-class-manager installs shims alone", "write containerd-shim-<name>-v<number>")
    yield from _archives(args.get("sha256") or {}, args.get(_URLS) or {}, preset)
    if given := args.get("class_name"):
        yield from names.dns_subdomain("class_name", given)
    if not (selector := args.get("node_selector")):
        yield Problem("node_selector", "it is empty", "write the label of the pool: without it every node restarts")
    yield from names.labels("node_selector", selector)
    if given := args.get("handler"):
        remedy = "leave it out, and take the handler of what this returns"
        yield Problem("handler", f"{given!r} would not be its name: the installer takes it from the program's", remedy)


def handler(program: str) -> str:
    """Return the handler that runtime-class-manager gives a shim: `spin-v2` for `containerd-shim-spin-v2`."""
    return program.removeprefix("containerd-shim-")


def render(args: Mapping[str, Any]) -> dict[str, Any]:
    """Return the Shim (camelCase) for arguments without problems, named after its handler."""
    runtime, sha256, urls = wasm_nodes.runtime_of(args), args["sha256"], args.get("urls") or {}
    name = handler(runtime.program_name)
    # `platforms` and not `anonHttp`: the latter has no place for a digest, and is fetched unchecked.
    platforms = [
        {"os": "linux", "arch": each, "location": urls.get(each) or runtime.archive(each), "sha256": sha256[each]}
        for each in ARCHITECTURES
        if each in sha256
    ]
    return {
        "apiVersion": "runtime.spinkube.dev/v1alpha1",
        "kind": "Shim",
        "metadata": {"name": name},
        "spec": {
            "nodeSelector": dict(args["node_selector"]),
            "fetchStrategy": {"platforms": platforms},
            "runtimeClass": {"name": args.get("class_name") or name, "handler": name},
            "containerdRuntimeOptions": {"SystemdCgroup": str(runtime.systemd_cgroup).lower()},
            # `rolling` is in the schema, and the controller does not carry it out.
            "rolloutStrategy": {"type": "recreate"},
        },
    }


def _archives(sha256: Mapping[str, str], urls: Mapping[str, str], preset: str) -> Iterator[Problem]:
    if not sha256:
        remedy = "write {'amd64': '<digest of its archive>'}, and arm64 where there are such nodes"
        yield Problem("sha256", "no architecture has a digest", remedy)
    released = preset in PROGRAMS and PROGRAMS[preset].archive
    for key, digest in sha256.items():
        yield from wasm_nodes.architecture(entry_path("sha256", key), key)
        yield from wasm_nodes.sha256(entry_path("sha256", key), digest, "the archive")
        if not released and not urls.get(key):
            remedy = "write the https address of your own .tar.gz with the program at the top"
            yield Problem(entry_path(_URLS, key), "no project releases this program", remedy)
    for key, url in urls.items():
        yield from wasm_nodes.address(entry_path(_URLS, key), url)
        if key not in sha256:
            yield Problem(entry_path("sha256", key), "its archive has no digest", "write the archive's")
