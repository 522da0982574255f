"""What a simulated cluster is built from, with which Go, and what a machine may lack for it."""

import os
import time
from pathlib import Path

import pytest

from lab.cluster import golang
from lab.progress import quiet
from lab.simulated import artifacts, host, instance
from lab.simulated.cluster import SimulatedCluster


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the cache in a folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "kubernetes-emerging"


@pytest.fixture
def built() -> None:
    """Put files in the place of everything that would be built."""
    for binary in artifacts.binaries():
        path = golang.binary_path(binary)
        path.parent.mkdir(parents=True)
        path.touch()


def fake_go(program: Path, version: str) -> None:
    """Put a `go` at `program` that answers `go env` with `version`."""
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\necho {version}\n")
    program.chmod(0o755)


def test_only_what_needs_no_root_is_built() -> None:
    """The control plane, kubectl and kwok: no kubelet, no containerd, no image."""
    expected = {"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl", "kwok"}
    assert expected == {binary.name for binary in artifacts.binaries()}


def test_the_control_plane_is_the_node_s() -> None:
    """Who has both kinds of cluster builds it once."""
    assert golang.find("kube-apiserver", "1.37") in {golang.binary_path(each) for each in artifacts.binaries("1.37")}


def test_kwok_is_a_pinned_tool_of_its_module() -> None:
    """Its version and that of all it needs are in the tree, and what it is built from decides its place."""
    module = (artifacts.MODULE / "go.mod").read_text()
    assert f"tool {artifacts.KWOK.package}" in module
    assert "sigs.k8s.io/kwok v0.8.0" in module
    assert (artifacts.MODULE / "go.sum").stat().st_size > 0
    moved = golang.Binary("kwok", "pause", artifacts.KWOK.package)
    assert golang.binary_path(moved) != golang.binary_path(artifacts.KWOK)


def test_the_wheel_is_new_enough() -> None:
    """Kwok asks for more than Kubernetes does."""
    assert artifacts.required_version() >= (1, 26)
    assert golang.parse_version("go" + golang.GO_WHEEL.partition("==")[2]) >= artifacts.required_version()


@pytest.mark.parametrize(
    ("on_path", "wheel", "expected"),
    [("go9.0", "", "path"), ("go1.25.9", "", None), ("go1.25.9", "go1.26.6", "wheel"), ("nonsense", "", None)],
)
def test_go_is_taken_where_it_is_new_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_path: str, wheel: str, expected: str | None
) -> None:
    """One that does for Kubernetes and not for kwok is passed over for the wheel's."""
    places = {"path": tmp_path / "bin" / "go", "wheel": golang.wheel_folder() / "go" / "bin" / "go"}
    fake_go(places["path"], on_path)
    if wheel:
        fake_go(places["wheel"], wheel)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    assert (places[expected] if expected else None) == artifacts.toolchain()


@pytest.mark.usefixtures("built")
def test_what_is_there_is_not_built_again() -> None:
    """It counts as used now, so that the lab's tidying leaves it alone."""
    folders = [golang.binary_path(binary).parent for binary in artifacts.binaries()]
    for folder in folders:
        os.utime(folder, (0, 0))
    assert artifacts.is_built()
    artifacts.build(quiet)
    assert all(time.time() - folder.stat().st_mtime < 60 for folder in folders)


@pytest.mark.usefixtures("built")
def test_only_what_is_missing_is_built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The compiler is called for that alone; without a Go one is fetched first."""
    golang.binary_path(artifacts.KWOK).unlink()
    called: list[str] = []

    def compile_binary(binary: golang.Binary, go: Path) -> None:
        called.append(f"{binary.name} with {go.name}")
        golang.binary_path(binary).touch()

    def install() -> None:
        called.append("fetch")
        fake_go(golang.wheel_folder() / "go" / "bin" / "go", "go1.26.6")

    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    fake_go(tmp_path / "go", "go1.19")
    monkeypatch.setattr(golang, "compile_binary", compile_binary)
    monkeypatch.setattr(golang, "install_toolchain", install)
    artifacts.build(quiet)
    assert ["fetch", "kwok with go"] == called


def test_the_build_begins_with_nothing() -> None:
    """An empty cache is not built."""
    assert not artifacts.is_built()


@pytest.mark.usefixtures("built")
def test_this_machine_will_do() -> None:
    """Nothing of what the node needs is asked for: no root, no tools, no control groups."""
    assert [] == host.check_host()


def test_all_problems_are_told_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A cache that cannot be written, no Go and no pip, no room, no memory, no ports: each with a remedy."""
    usage = type("Usage", (), {"free": 2**30})
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: usage)
    monkeypatch.setattr(host, "_BUILD_MEMORY_BYTES", 2**60)
    monkeypatch.setattr("os.access", lambda _folder, _mode: False)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    monkeypatch.setattr(artifacts, "toolchain", lambda _minor: None)
    monkeypatch.setattr(instance, "all_free", lambda _ports: False)
    found = host.check_host()
    text = "\n".join(f"{each.what} -> {each.remedy}" for each in found)
    assert 5 == len(found), text
    for word in ("XDG_CACHE_HOME", "Go of version 1.26", "GiB free", "of memory", "free ports", "loopback"):
        assert word in text
    assert host.nearest_existing(tmp_path / "a" / "b") == tmp_path


@pytest.mark.usefixtures("built")
def test_a_cache_that_runs_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs are built into it, and would not start."""
    monkeypatch.setattr(host, "_runs_nothing", lambda _folder: True)
    assert ["noexec" in each.what for each in host.check_host()] == [True]


def test_another_kind_of_machine_is_told_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else is worth saying there."""
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert ["linux on riscv64" in each.what for each in host.check_host()] == [True]


def test_a_cluster_that_was_never_started(cache: Path) -> None:
    """Asking about one, or deleting it, makes nothing."""
    cluster = SimulatedCluster("never")
    assert cluster.simulated is True
    assert not cluster.running()
    assert cluster.identity() is None
    assert "kubernetes-emerging-simulated-never" == cluster.context
    assert not cache.exists()
    cluster.delete(quiet)
    assert not cluster.folder.exists()
    with pytest.raises(ValueError, match="cluster name"):
        SimulatedCluster("No good")
    with pytest.raises(ValueError, match=r"1\.12.* is not among"):
        SimulatedCluster("good", "1.12")
