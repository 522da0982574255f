"""The WASM runtimes that are known by name: their handler, what a pod costs beside its containers, what they can do.

A preset is a set of facts, each with its source in `sources`, by the name of its field. Nothing here is measured on the
cluster at hand: that a node has the handler is asked of the node, and that it works is proved by a pod.
"""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from components.model.problem import UNKNOWN, Problem

ExitCodes = Literal["kept", "errors", "lost"]
Signals = Literal["ignored", "components"]
Form = Literal["module", "component", "spin"]
Image = Literal["image", "layers", "artifact"]


@dataclass(frozen=True)
class Preset:
    """A WASM runtime: what its project, or a run of it, says of it."""

    name: str
    handler: str
    """The name that its own documents give it, "" where there is none; installers may give another."""
    overhead: Mapping[str, str]
    """What a pod costs beside its containers."""
    beside: bool
    """Whether ordinary Linux containers run in the same pod."""
    exec_beside: bool
    """Whether something can be started in those afterwards (exec probes, `kubectl exec`); in a module nothing can."""
    exit_codes: ExitCodes
    """Those of modules are kept; or lost, always 0 unless the module trapped or was killed; or tell errors alone."""
    signals: Signals
    """Whether SIGTERM ends a module: it is ignored, or reaches components."""
    http_port: int | None
    """Where the runtime itself answers HTTP for what only handles requests; None where it does not."""
    port_variable: str
    """The environment variable that moves this port, "" without one."""
    listens: str
    """Who may listen on a port, in words."""
    read_only_files: str
    """What hinders reading files of read-only mounts (ConfigMaps, Secrets); "" where nothing is known to."""
    forms: tuple[Form, ...]
    """What it runs."""
    images: tuple[Image, ...]
    """How that may be packed: an ordinary image, an image with WASM layers, an OCI artifact."""
    architectures: tuple[str, ...]
    """Those of the nodes for which binaries are released."""
    command: tuple[str, ...] = ()
    """What its containers have to have as their command, where nothing else works."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    """What its pods have to carry."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Where each of these facts is from."""


_RUNWASI = "containerd/runwasi at eb9967aa (2026-04)"
_SPIN = "spinframework/containerd-shim-spin, v0.24.0 (2026-04)"
_CRUN = "containers/crun 1.21"
_MEASURED = (
    "measured on the lab's node, containerd 2.1: the shim for runc and crun has 17 MB resident, 6 of them its own, "
    "the pause container 1 MB; with room to spare"
)
_BUILDS = ("amd64", "arm64")
_SHIM_SOURCES = {
    "beside": f"{_RUNWASI}: crates/containerd-shim-wasm, executor.rs runs Linux containers and modules in one shim",
    "exec_beside": f"{_RUNWASI}: crates/containerd-shimkit, local.rs refuses exec, for any container of the pod",
    "images": f"{_RUNWASI}: docs/src/oci-decision-flow.md; layers need containerd 1.6.25, 1.7.7 or 2.x",
    "architectures": f"{_RUNWASI}: the binaries of its releases are for x86_64 and aarch64",
    "annotations": f"{_RUNWASI}: none is read",
    "command": f"{_RUNWASI}: context.rs takes the first argument, path[#function]",
}
_CRUN_SOURCES = {
    "handler": "the program's name: crun's project names no handler, who sets containerd up does",
    "overhead": _MEASURED,
    "exec_beside": f"{_CRUN}: Linux containers run as under any OCI runtime; run on the lab's node",
    "exit_codes": f"{_CRUN}: src/libcrun/handlers/wasmedge.c ends with success whatever the module returned; run",
    "signals": f"{_CRUN}: the module is process 1 and has no handler; run",
    "http_port": f"{_CRUN}: it has no server of its own",
    "port_variable": f"{_CRUN}: it has no server of its own",
    "listens": f"{_CRUN}: WasmEdge's own socket functions, which programs for plain wasip1 do not call",
    "read_only_files": "run on the lab's node: a module in Go reads no file of a read-only mount, one in C does",
    "forms": f"{_CRUN}: wasmedge.c runs a module's _start",
    "images": f"{_CRUN}: it sees the unpacked file system alone; run",
    "architectures": "Debian's crun is built with WasmEdge for amd64 and arm64 (debian/rules of 1.28-1)",
    "command": f"{_CRUN}: the first argument is the module's path",
}


def _shim(
    name: str,
    memory: str,
    memory_source: str,
    *,
    exit_codes: ExitCodes = "kept",
    signals: Signals = "ignored",
    http_port: int | None = None,
    listens: str = "nobody: its WASI opens no sockets",
    forms: tuple[Form, ...] = ("module",),
    images: tuple[Image, ...] = ("image", "layers", "artifact"),
) -> Preset:
    """Return a preset for one of the shims of the runwasi project, which share most of their code."""
    instance = f"{_RUNWASI}: crates/containerd-shim-{name}/src/instance.rs"
    own = ("exit_codes", "signals", "http_port", "port_variable", "listens", "read_only_files", "forms")
    return Preset(
        name=name,
        handler=name,
        overhead={"cpu": "10m", "memory": memory},
        beside=True,
        exec_beside=False,
        exit_codes=exit_codes,
        signals=signals,
        http_port=http_port,
        port_variable="WASMTIME_HTTP_PROXY_SOCKET_ADDR" if http_port else "",
        listens=listens,
        read_only_files="",
        forms=forms,
        images=images,
        architectures=_BUILDS,
        sources={
            **dict.fromkeys(own, instance),
            **_SHIM_SOURCES,
            "handler": f"{_RUNWASI}: docs/src/getting-started/quickstart.md",
            "overhead": memory_source,
        },
    )


_WASMTIME = _shim(
    "wasmtime",
    "32Mi",
    "runwasi pull request 808 measured 22.7 MB for shim and zygote, the pause container 1 MB; with room to spare",
    signals="components",
    http_port=8080,
    listens="the runtime, for a component of wasi:http/proxy; other components by wasi:sockets; no modules",
    forms=("module", "component"),
)
_WASMEDGE = _shim(
    "wasmedge",
    "80Mi",
    "runwasi pull request 808 measured 67.0 MB for shim and zygote, the pause container 1 MB; with room to spare",
    listens="modules built for WasmEdge's own sockets",
)
_WASMER = _shim(
    "wasmer",
    "32Mi",
    "runwasi pull request 808 measured 19.1 MB for shim and zygote, the pause container 1 MB; with room to spare",
    listens="modules built for WASIX",
)
_WAMR = _shim(
    "wamr",
    "24Mi",
    "runwasi pull request 808 measured 16.0 MB for shim and zygote, the pause container 1 MB; with room to spare",
    exit_codes="errors",
)
_SPIN_PRESET = Preset(
    name="spin",
    handler="spin",
    overhead={"cpu": "10m", "memory": "64Mi"},
    beside=True,
    exec_beside=False,
    exit_codes="errors",
    signals="ignored",
    http_port=80,
    port_variable="SPIN_HTTP_LISTEN_ADDR",
    listens="the runtime, for the application's HTTP triggers",
    read_only_files="",
    forms=("spin",),
    images=("image", "layers"),
    architectures=_BUILDS,
    command=("/",),
    sources={
        **_SHIM_SOURCES,
        "handler": "spinframework/spin-operator, config/samples (runtime-class-manager calls it spin-v2)",
        "overhead": "an estimate: nobody has published a figure, and the wasmtime shim beside it takes 22.7 MB",
        "exit_codes": f"{_SPIN}: engine.rs ends with 0, or with an error, for which the shim gives 137",
        "signals": f"{_SPIN}: engine.rs sets a handler; that SIGTERM is one of its signals was not proved",
        "http_port": f"{_SPIN}: constants.rs, SPIN_ADDR_DEFAULT",
        "port_variable": f"{_SPIN}: constants.rs, SPIN_HTTP_LISTEN_ADDR_ENV",
        "listens": f"{_SPIN}: an application handles triggers, HTTP among them, and opens nothing to listen",
        "read_only_files": f"{_SPIN}: it reads files of the application's own alone",
        "forms": f"{_SPIN}: source.rs takes Spin applications",
        "images": f"{_SPIN}: constants.rs names the types of layers",
        "architectures": f"{_SPIN}: the binaries of its releases are for x86_64 and aarch64",
        "command": f"{_SPIN}: README.md; / stands for the application, as an image from scratch has no program",
    },
)
_CRUN_WASM = Preset(
    name="crun-wasm",
    handler="crun-wasm",
    overhead={"cpu": "10m", "memory": "24Mi"},
    beside=False,
    exec_beside=False,
    exit_codes="lost",
    signals="ignored",
    http_port=None,
    port_variable="",
    listens="modules built for WasmEdge's own sockets",
    read_only_files="a module in Go cannot read files of read-only mounts",
    forms=("module",),
    images=("image",),
    architectures=_BUILDS,
    sources={
        **_CRUN_SOURCES,
        "beside": f"{_CRUN}: custom-handler.c, under the name crun-wasm it takes every container for a module",
        "exec_beside": f"{_CRUN}: its handler refuses exec; run on the lab's node",
        "annotations": f"{_CRUN}: under the name crun-wasm it needs none",
    },
)
_CRUN_SMART = replace(
    _CRUN_WASM,
    name="crun",
    handler="crun",
    beside=True,
    exec_beside=True,
    annotations={"module.wasm.image/variant": "compat-smart"},
    sources={
        **_CRUN_SOURCES,
        "beside": f"{_CRUN}: custom-handler.c, compat-smart takes a container for a module by its .wasm path",
        "annotations": f"{_CRUN}: docs/wasm-wasi-on-kubernetes.md; containerd has to pass it on: pod_annotations",
    },
)
CUSTOM = Preset(
    name="custom",
    handler="",
    overhead={"cpu": "10m", "memory": "24Mi"},
    beside=False,
    exec_beside=False,
    exit_codes="kept",
    signals="ignored",
    http_port=None,
    port_variable="",
    listens="unknown",
    read_only_files="",
    forms=("module", "component", "spin"),
    images=("image", "layers", "artifact"),
    architectures=_BUILDS,
    sources=dict.fromkeys(
        (
            *("handler", "beside", "exec_beside", "exit_codes", "signals", "http_port", "port_variable", "listens"),
            *("read_only_files", "forms", "images", "architectures", "annotations", "command"),
        ),
        "nothing is known of it: taken to do what the narrowest runtime does, and warned of nothing",
    )
    | {"overhead": _MEASURED},
)
"""What a runtime without a preset is taken for."""

PRESETS: Mapping[str, Preset] = {
    each.name: each for each in (_SPIN_PRESET, _WASMTIME, _WASMEDGE, _WASMER, _WAMR, _CRUN_WASM, _CRUN_SMART, CUSTOM)
}


def preset_of(name: Any) -> Preset | None:
    """Return the preset of this name, CUSTOM where none is named; None for one that is unknown, or not known yet."""
    return CUSTOM if name is None else PRESETS.get(name) if isinstance(name, str) else None


def problems(path: str, name: Any) -> Iterator[Problem]:
    """Yield what is wrong with the name of a preset."""
    if name is None or name is UNKNOWN or name in PRESETS:
        return
    near = difflib.get_close_matches(str(name), PRESETS, n=1)
    remedy = f"write {near[0]!r}" if near else f"write one of {', '.join(PRESETS)}"
    yield Problem(path, f"there is no preset {name!r}", remedy, "own")
