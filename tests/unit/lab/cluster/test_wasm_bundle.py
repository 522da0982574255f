"""The WASM runtime in a folder for other nodes: what goes in, and that nothing of Kubernetes is built for it."""

from pathlib import Path

import pytest

from lab.cluster import debian, golang, images, wasm_bundle, wheels
from lab.progress import quiet

LOADER = "/lib64/ld-linux-x86-64.so.2"
NEEDED = {
    "crun": "libseccomp.so.2 libc.so.6",
    "libwasmedge.so.0": "libLLVM.so.19.1 libc.so.6",
    "libLLVM.so.19.1": "libz.so.1",
}


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Double apt, pip and patchelf; return what patchelf is asked to change."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    calls: list[list[str]] = []

    def unpack(root: debian.Root) -> None:
        libraries = root.path / "usr/lib/aarch64-linux-gnu"
        for folder in (libraries, root.path / "usr/bin", root.path / "usr/lib64"):
            folder.mkdir(parents=True)
        (root.path / "lib64").symlink_to("usr/lib64")
        names = ["libseccomp.so.2", "libc.so.6", "libz.so.1", "libLLVM.so.19.1", "libwasmedge.so.0", "libunused.so"]
        for file in [libraries / name for name in names]:
            file.touch()
        (libraries / "ld-linux.so").touch(0o755)
        (root.path / "usr/lib64/ld-linux-x86-64.so.2").symlink_to("../lib/aarch64-linux-gnu/ld-linux.so")
        (root.path / "usr/bin/crun").touch(0o755)

    def patchelf(command: list[str | Path]) -> str:
        words = [str(word) for word in command[1:]]
        match words[0]:
            case "--print-interpreter":
                return LOADER + "\n"
            case "--print-needed":
                return NEEDED.get(Path(words[1]).name, "")
        calls.append(words)
        return ""

    monkeypatch.setattr(debian, "unpack", unpack)
    monkeypatch.setattr(wheels, "install", lambda pin, _: wheels.folder(pin).mkdir(parents=True))
    monkeypatch.setattr(wasm_bundle, "run", patchelf)
    return calls


def test_the_folder_holds_the_runtime_its_loader_and_all_it_opens(calls: list[list[str]]) -> None:
    """Also what it opens only later, and what that needs; as copies, for links would lead out of the folder."""
    made = wasm_bundle.bundle(quiet)
    libraries = {"libc.so.6", "libseccomp.so.2", "libwasmedge.so.0", "libLLVM.so.19.1", "libz.so.1"}
    assert {*libraries, "ld-linux-x86-64.so.2"} == {path.name for path in (made / "lib").iterdir()}
    assert not any(path.is_symlink() for path in (made / "lib").iterdir())
    assert (made / "crun-wasm").stat().st_mode & 0o111
    assert (made / "lib" / "ld-linux-x86-64.so.2").stat().st_mode & 0o111
    assert 0o755 == made.stat().st_mode & 0o777
    ((*change, program),) = calls
    place = "/opt/kubernetes-emerging/wasm/lib"
    expected = ["--set-interpreter", f"{place}/ld-linux-x86-64.so.2", "--force-rpath", "--set-rpath", place]
    assert expected == change
    assert program.endswith("/crun-wasm")


def test_the_folder_is_made_once(calls: list[list[str]]) -> None:
    """What only the making needed is gone afterwards, half-made work too."""
    made = wasm_bundle.bundle(quiet)
    assert made == wasm_bundle.bundle(quiet)
    assert 1 == len(calls)
    assert [made] == list(made.parent.iterdir())
    assert not wasm_bundle.ROOT.path.exists()


@pytest.mark.usefixtures("calls")
def test_the_image_needs_the_module_and_no_kubernetes(monkeypatch: pytest.MonkeyPatch) -> None:
    """One program is compiled; the second time nothing."""
    compiled: list[str] = []

    def compile_binary(binary: golang.Binary, _: Path) -> None:
        compiled.append(binary.name)
        golang.binary_path(binary).parent.mkdir(parents=True)
        golang.binary_path(binary).write_bytes(b"\0asm")

    monkeypatch.setattr(golang, "toolchain", lambda _minor: Path("/usr/bin/go"))
    monkeypatch.setattr(golang, "compile_binary", compile_binary)
    archive = wasm_bundle.wasm_image(quiet)
    assert archive == wasm_bundle.wasm_image(quiet)
    assert archive.exists()
    assert ["hello.wasm"] == compiled
    assert images.WASM_DEMO == "localhost/wasm-demo:1"
