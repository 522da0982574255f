"""A WASM runtime on nodes: which program, pinned to what, under which handler of containerd. Values in, text out.

Nothing is installed here. What a node is made with is written by `wasm_nodes_kind`, `wasm_nodes_eks` and
`wasm_nodes_shim`; a node that exists already is its installer's.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from components.model import names, wasm_presets
from components.model.problem import Problem, known, one_of

POOL_LABEL: Mapping[str, str] = {"kubernetes-emerging/wasm": "true"}
"""On every node that is made with a runtime, from its first moment: a RuntimeClass selects it (`scheduling`)."""
NODE_FOLDER = "/opt/kubernetes-emerging/wasm"
"""Where runtimes are on nodes, each in a folder of its own version: another version never overwrites what runs."""

CRI_PLUGINS: Mapping[int, str] = {2: "io.containerd.grpc.v1.cri", 3: "io.containerd.cri.v1.runtime"}
"""Who reads handlers, by the `version` of containerd's configuration file (containerd docs/cri/config.md). It goes by
the file and not by containerd: 2.x migrates a file of version 2, and in one of version 3 ignores the older name."""

ARCHITECTURES: Mapping[str, str] = {"amd64": "x86_64", "arm64": "aarch64"}
"""What Kubernetes calls an architecture, and what archives of shims call it."""

_RUNC_SHIM = "io.containerd.runc.v2"
_RUNWASI = "https://github.com/containerd/runwasi/releases/download"
_SPIN = "https://github.com/spinframework/containerd-shim-spin/releases/download"
_VERSION = re.compile(r"\d+\.\d+(\.\d+)?([-+][0-9A-Za-z.-]+)?", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PROGRAM = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*", re.ASCII)
_SHIM = re.compile(r"containerd-shim-[a-z0-9]([a-z0-9-]*[a-z0-9])?-v\d+", re.ASCII)
# Written into a shell script and into TOML: nothing in it has a meaning there.
_URL = re.compile(r"https://[A-Za-z0-9.-]+(:\d+)?(/[A-Za-z0-9._~%+=:-]+)+", re.ASCII)
_PATH = re.compile(r"(/[A-Za-z0-9._+-]+)+", re.ASCII)
# SHA-256 of no bytes at all: what a failed download leaves.
_OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@dataclass(frozen=True)
class Program:
    """What of a preset comes onto a node: the program's name, and where its project releases it.

    A `shim` is containerd's for the pod; anything else is an OCI runtime behind containerd's own shim for runc.
    `archive` is an address with `{version}` and `{architecture}`, "" where the project releases none that has WASM.
    """

    name: str
    shim: bool
    archive: str = ""
    source: str = ""


def _runwasi(name: str) -> Program:
    file = f"containerd-shim-{name}-{{architecture}}-linux-musl.tar.gz"
    archive = f"{_RUNWASI}/containerd-shim-{name}%2Fv{{version}}/{file}"
    return Program(f"containerd-shim-{name}-v1", True, archive, "containerd/runwasi, docs/src/getting-started")


_CRUN = "containers/crun: the programs of its releases are built without a WASM runtime; Debian's crun has WasmEdge"
PROGRAMS: Mapping[str, Program] = {
    "spin": Program(
        "containerd-shim-spin-v2",
        True,
        f"{_SPIN}/v{{version}}/containerd-shim-spin-v2-linux-{{architecture}}.tar.gz",
        "spinframework/containerd-shim-spin, its own Shim resource",
    ),
    **{name: _runwasi(name) for name in ("wasmtime", "wasmedge", "wasmer", "wamr")},
    "crun-wasm": Program("crun-wasm", False, source=_CRUN),
    "crun": Program("crun", False, source=_CRUN),
}
"""By preset; `custom` has none, so its program is to be named."""


@dataclass(frozen=True)
class Runtime:
    """A runtime, pinned: what the caller writes, and what follows from it.

    `handler` and `program` are the preset's where they are "". `systemd_cgroup` is whether the runtime is to make
    control groups through systemd, as the kubelet of the node does where its driver is systemd.
    """

    preset: str
    version: str
    systemd_cgroup: bool
    handler: str = ""
    program: str = ""

    @cached_property
    def handler_name(self) -> str:
        """The name under which containerd, and a RuntimeClass, knows it."""
        return self.handler or wasm_presets.PRESETS[self.preset].handler

    @cached_property
    def program_name(self) -> str:
        """The file's name."""
        return self.program or PROGRAMS[self.preset].name

    @property
    def is_shim(self) -> bool:
        """Whether containerd starts it as the pod's shim; else its own shim does, as it does runc."""
        return self.program_name.startswith("containerd-shim-")

    @property
    def folder(self) -> str:
        """Its folder on a node."""
        return f"{NODE_FOLDER}/{self.handler_name}-{self.version}"

    def archive(self, architecture: str) -> str:
        """Return where its project releases it for an architecture in Kubernetes' words, "" where it does not."""
        archive = PROGRAMS[self.preset].archive if self.preset in PROGRAMS else ""
        return archive.format(version=self.version, architecture=ARCHITECTURES[architecture])

    def tables(self, plugin: str, folder: str) -> str:
        """Return the handler as tables of containerd's configuration (TOML), its program being in `folder`."""
        table = f'plugins."{plugin}".containerd.runtimes."{self.handler_name}"'
        path = f"{folder}/{self.program_name}"
        # By its path: as io.containerd.<name>.v1 containerd would look for it along the PATH of its own unit.
        lines = [f"[{table}]", f'runtime_type = "{path if self.is_shim else _RUNC_SHIM}"']
        # containerd keeps the annotations of pods from OCI runtimes, unless they are listed.
        if keys := sorted(wasm_presets.PRESETS[self.preset].annotations):
            lines.append(f"pod_annotations = {json.dumps(keys)}")
        lines.append(f"[{table}.options]")
        if not self.is_shim:
            lines.append(f'BinaryName = "{path}"')
        lines.append(f"SystemdCgroup = {str(self.systemd_cgroup).lower()}")
        return "\n".join(lines) + "\n"


def runtime_of(args: Mapping[str, Any]) -> Runtime:
    """Return the runtime that arguments without problems tell of; through systemd where they do not say."""
    through_systemd = args.get("systemd_cgroup")
    return Runtime(
        preset=args["preset"],
        version=args["version"],
        systemd_cgroup=True if through_systemd is None else through_systemd,
        handler=args.get("handler") or "",
        program=args.get("program") or "",
    )


def problems(args: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield everything that is wrong with `preset`, `version`, `program` and `handler`."""
    yield from program_problems(args)
    given = args.get("handler")
    if not given and args.get("preset") == wasm_presets.CUSTOM.name:
        yield Problem("handler", "a custom runtime has no name of its own", "write one such as 'wasm'")
    if given == "runc":
        yield Problem("handler", "'runc' is every ordinary container's", "write another name, such as 'wasm'")
    yield from names.dns_label("handler", given or None)


def program_problems(args: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield everything that is wrong with `preset`, `version` and `program`."""
    preset, program = args.get("preset"), args.get("program")
    yield from wasm_presets.problems("preset", preset or "")
    yield from version("version", args.get("version"))
    if program and not _PROGRAM.fullmatch(program):
        yield Problem("program", f"{program!r} is not a file's name", "write letters, digits, '.', '_' and '-'")
    elif program and program.startswith("containerd-shim-") and not _SHIM.fullmatch(program):
        remedy = "write containerd-shim-<name>-v<number>, or another name for an OCI runtime"
        yield Problem("program", f"{program!r} is not a shim's name", remedy)
    elif not program and preset == wasm_presets.CUSTOM.name:
        remedy = "write the name of its file: a shim's begins with containerd-shim-, any other is an OCI runtime's"
        yield Problem("program", "a custom runtime has no program of its own", remedy)


def version(path: str, value: Any) -> Iterator[Problem]:
    """Check a pinned version: numbers, and no name that moves."""
    if not known(value) or value == "":
        yield Problem(path, "it is empty", "write the version that was tried, such as '0.6.0'")
    elif not _VERSION.fullmatch(value):
        hint = value.removeprefix("v")
        remedy = f"write {hint!r}" if _VERSION.fullmatch(hint) else "write numbers such as '0.6.0': a name may move"
        yield Problem(path, f"{value!r} is not a version", remedy)


def sha256(path: str, value: Any, of: str) -> Iterator[Problem]:
    """Check a SHA-256 digest `of` something; there is no default, for nobody else can vouch for it."""
    remedy = f"write the 64 digits that `sha256sum` prints of {of}, held against what its project publishes"
    if not known(value) or value == "":
        yield Problem(path, "it is empty", remedy)
    elif not _SHA256.fullmatch(value):
        given = f"{value!r} is not a SHA-256 digest in lower-case hexadecimal"
        yield Problem(path, given, remedy)
    elif value == _OF_NOTHING:
        yield Problem(path, "it is the digest of an empty file", remedy)


def address(path: str, value: str) -> Iterator[Problem]:
    """Check where a node is to fetch an archive: encrypted, and without anything secret."""
    if value.startswith("http://"):
        yield Problem(path, "plain http can be read and held back by anyone between", "write an https address")
    elif not _URL.fullmatch(value):
        remedy = "write https://host/path without user, query and fragment: a node's user data is no place for secrets"
        yield Problem(path, f"{value!r} is not an address that a node can be given", remedy)


def absolute(path: str, value: str) -> Iterator[Problem]:
    """Check an absolute path whose characters mean nothing in TOML or a shell."""
    if not _PATH.fullmatch(value) or {".", ".."} & set(value.split("/")):
        remedy = "write a path from / on, of letters, digits, '.', '_', '+' and '-', without a / at its end"
        yield Problem(path, f"{value!r} is not an absolute path", remedy)


def on_this_machine(path: str, value: str) -> Iterator[Problem]:
    """Check the absolute path of a folder that a container runtime is to mount."""
    if not value.startswith("/") or ":" in value or not value.isprintable():
        yield Problem(path, f"{value!r} is not an absolute path", "write a path from / on, without ':'")


def architecture(path: str, value: Any) -> Iterator[Problem]:
    """Check the architecture of a node, in Kubernetes' words."""
    yield from one_of(path, value, tuple(ARCHITECTURES))
