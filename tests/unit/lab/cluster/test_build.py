"""What is built once per machine: the toolchain, the binaries, the Debian trees, and how each is cached."""

import os
import re
import tarfile
import time
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from lab.cluster import Cluster, artifacts, debian, golang, images
from lab.cluster.errors import ClusterError
from lab.cluster.golang import Binary
from lab.progress import quiet


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the cache in a folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "kubernetes-emerging"


def fake_go(folder: Path, version: str) -> None:
    """Put a `go` into `folder` that answers `go env` with `version`."""
    folder.mkdir(exist_ok=True)
    program = folder / "go"
    program.write_text(f"#!/bin/sh\necho {version}\n")
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("go1.26.8", (1, 26, 8)),
        ("go1.25rc1", (1, 25)),
        ("go1.26.3 X:nocoverage", (1, 26, 3)),
        ("module some\n\ngo 1.24.0\n\nrequire x v1.2.3\n", (1, 24, 0)),
    ],
)
def test_versions_are_read_from_go_and_from_modules(text: str, expected: tuple[int, ...]) -> None:
    """Both forms, with words after the number."""
    assert expected == golang.parse_version(text)


def test_text_without_a_version_is_an_error() -> None:
    """It is not taken for an old one."""
    with pytest.raises(ValueError, match="no Go version"):
        golang.parse_version("devel")


def test_the_newest_need_of_all_modules_counts() -> None:
    """Containerd's module asks for more than Kubernetes' own; the wheel satisfies both, for every minor."""
    assert golang.required_version() >= (1, 25)
    for minor in golang.MINORS:
        assert golang.parse_version("go" + golang.GO_WHEEL.partition("==")[2]) >= golang.required_version(minor)


def test_a_new_go_on_path_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is fetched where the machine has what is needed."""
    fake_go(tmp_path / "bin", "go9.0")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert tmp_path / "bin" / "go" == golang.toolchain()


@pytest.mark.parametrize("version", ["go1.19.8", "nonsense"])
def test_an_old_go_on_path_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    """Then the cached wheel's is used, and before there is one, none."""
    fake_go(tmp_path / "bin", version)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    assert golang.toolchain() is None
    wheel = golang._wheel_go()
    wheel.parent.mkdir(parents=True)
    fake_go(wheel.parent, "go1.26.6")
    assert wheel == golang.toolchain()


def test_everything_that_go_writes_stays_in_the_cache(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Modules, build cache, counters: all below one folder; the user's own Go settings are still read."""
    monkeypatch.setenv("XDG_CONFIG_HOME", "/home/some/.config")
    monkeypatch.delenv("GOENV", raising=False)
    environment = golang.go_environment(tmp_path / "bin" / "go")
    for name in ("GOPATH", "GOMODCACHE", "GOCACHE", "XDG_CONFIG_HOME"):
        assert Path(environment[name]).is_relative_to(cache)
    assert "/home/some/.config/go/env" == environment["GOENV"]
    assert os.environ["PATH"] == environment["PATH"]


def test_every_call_of_go_keeps_its_own_files_in_the_cache(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asking for its version writes counters as building does, and looks for the user's settings where they are."""
    called = tmp_path / "called"
    fake_go(tmp_path / "bin", "go9.0")
    with (tmp_path / "bin" / "go").open("a") as program:
        program.write(f'echo "$XDG_CONFIG_HOME $GOENV" >> {called}\n')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/home/some/.config")
    monkeypatch.delenv("GOENV", raising=False)
    go = golang.toolchain()
    assert go is not None
    with pytest.raises(FileNotFoundError):  # this one makes no program to move into its place
        golang.compile_binary(Binary("some", "pause", "."), go)
    assert 2 * [f"{cache / 'go' / 'config'} /home/some/.config/go/env"] == called.read_text().splitlines()


def test_a_binary_s_place_says_what_it_is_made_of() -> None:
    """Other flags or another module make another binary; the same make the same."""
    one = Binary("some", "kubernetes-1.33", "example.org/some")
    assert golang.binary_path(one) == golang.binary_path(Binary("some", "kubernetes-1.33", "example.org/some"))
    others = [Binary("some", "kubernetes-1.33", "example.org/some", "-s"), Binary("some", "pause", "example.org/some")]
    assert 3 == len({golang.binary_path(binary) for binary in [one, *others]})


def test_every_binary_is_a_tool_or_a_program_of_its_module() -> None:
    """What is built is in the module's tool block, or its go.sum would lack lines, or is the module's own main."""
    for binary in {*golang.binaries("1.33"), *golang.binaries("1.37")}:
        module = golang.MODULES / binary.module
        assert binary.package in (module / "go.mod").read_text() if binary.package != "." else (module / "main.go")


@pytest.mark.parametrize("minor", golang.MINORS)
def test_versions_in_flags_are_the_modules_own(minor: str) -> None:
    """What the programs say of themselves is what go.mod pins, and the staging modules are of the same release."""
    version = golang.KUBERNETES_VERSIONS[minor]
    assert version.startswith(f"{minor}.")
    text = (golang.MODULES / f"kubernetes-{minor}" / "go.mod").read_text()
    assert re.search(rf"k8s\.io/kubernetes v{re.escape(version)}\s", text)
    assert {f"v0{version.removeprefix('1')}"} == set(re.findall(r"=> k8s.io/\S+ (\S+)", text))
    server = next(binary for binary in golang.binaries(minor) if binary.name == "kube-apiserver")
    assert f".gitVersion=v{version} " in server.ldflags
    assert server.ldflags.endswith(f".gitMajor=1 -X k8s.io/component-base/version.gitMinor={minor[2:]}")
    containerd = (golang.MODULES / "containerd" / "go.mod").read_text()
    assert re.search(rf"github\.com/containerd/containerd/v2 v{re.escape(golang.CONTAINERD_VERSION)}\s", containerd)


def test_minors_share_all_but_kubernetes() -> None:
    """The second minor adds six programs and nothing else; the default is the floor, the other the newest."""
    assert ("1.33", ("1.33", "1.37")) == (golang.DEFAULT_MINOR, golang.MINORS)
    one, two = ({binary.name: binary for binary in golang.binaries(minor)} for minor in golang.MINORS)
    assert one.keys() == two.keys()
    differ = {name for name in one if one[name] != two[name]}
    of_kubernetes = {"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubectl"}
    assert of_kubernetes == differ
    assert all(golang.find(name) != golang.find(name, "1.37") for name in differ)


def test_an_unknown_minor_is_refused_with_those_there_are() -> None:
    """Before anything is looked for or built."""
    for ask in (golang.binaries, artifacts.is_built, lambda minor: Cluster("one", minor), golang.known_minor):
        with pytest.raises(ValueError, match=r"Kubernetes '1\.36'.*write 1\.33 or 1\.37"):
            ask("1.36")


def test_the_default_asks_for_no_newer_go_than_its_own_modules() -> None:
    """A machine with go 1.25 builds it without fetching a toolchain; only the newer minor needs 1.26."""
    assert (1, 26) > golang.required_version() >= (1, 25)
    assert golang.required_version("1.37") >= (1, 26)


def test_a_module_for_another_system_is_built_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go is told the target in its environment, whatever the user's own says, and the place of the result knows it."""
    called = tmp_path / "called"
    fake_go(tmp_path / "bin", "go9.0")
    with (tmp_path / "bin" / "go").open("a") as program:
        program.write(f'echo "$GOOS $GOARCH" >> {called}\n')
    monkeypatch.setenv("GOOS", "plan9")
    with pytest.raises(FileNotFoundError):
        golang.compile_binary(golang.WASM_MODULE, tmp_path / "bin" / "go")
    assert "wasip1 wasm\n" == called.read_text()
    assert golang.binary_path(golang.WASM_MODULE) != golang.binary_path(replace(golang.WASM_MODULE, target=""))


def test_the_machine_s_mirror_is_used_for_debian() -> None:
    """The first Debian archive that apt is set up with, whatever else it is set up with."""
    listing = """
'https://packages.example.org/apt/dists/tools-bookworm/InRelease' some 0
'http://mirror.example.org/debian/dists/bookworm/InRelease' mirror 0
'http://security.example.org/debian-security/dists/bookworm-security/InRelease' security 0
"""
    assert "http://mirror.example.org/debian" == debian.mirror_of(listing)


def test_archives_of_other_software_are_not_debian_s() -> None:
    """They have the same suite names; Debian's has updates beside its suite, or lies at the top of its host."""
    others = (
        "'https://dl.example.com/linux/chrome/deb/dists/stable/InRelease' a 0\n"
        "'https://download.example.com/linux/debian/dists/bookworm/InRelease' b 0\n"
    )
    ours = "'http://10.0.0.1/repository/debian/dists/bookworm/InRelease' c 0\n"
    updates = "'http://10.0.0.1/repository/debian/dists/bookworm-updates/InRelease' d 0\n"

    assert "http://10.0.0.1/repository/debian" == debian.mirror_of(others + ours + updates)
    assert "http://some.example.org/debian" == debian.mirror_of(
        others + "'http://some.example.org/debian/dists/trixie/InRelease' e 0\n"
    )
    with pytest.raises(ClusterError, match="LAB_DEBIAN_MIRROR"):
        debian.mirror_of(others)


def test_on_a_derived_distribution_the_archive_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own archive has other packages under other keys, so it is told how to name Debian's."""
    listing = "'http://archive.example.org/ubuntu/dists/noble/InRelease' x 0\n"
    with pytest.raises(ClusterError, match="LAB_DEBIAN_MIRROR=<URL that ends in /debian> make up"):
        debian.mirror_of(listing)

    monkeypatch.setenv("LAB_DEBIAN_MIRROR", "http://mirror.example.org/debian/")
    assert "http://mirror.example.org/debian" == debian.mirror_of(listing)


def test_a_mirror_that_cannot_serve_is_named_with_the_way_to_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may lack the release, or be another's archive; lists of one mirror are not taken for those of the next."""
    tried: list[str] = []

    def apt(command: list[str | Path], **_: object) -> str:
        if command[-1] == "update":
            source = (tmp_path / "world" / "parts" / "debian.sources").read_text()
            tried.append(source.partition("URIs: ")[2].partition("\n")[0])
            if tried[-1] == "http://broken.example.org/debian":
                raise ClusterError("no Release file")
        return "amd64\n"

    (tmp_path / "keys").touch()
    monkeypatch.setattr(debian, "KEYRINGS", (tmp_path / "keys",))
    monkeypatch.setattr(debian, "run", apt)
    for mirror in ("one", "one", "broken", "one", "two"):
        monkeypatch.setenv(debian.MIRROR_VARIABLE, f"http://{mirror}.example.org/debian")
        if mirror == "broken":
            with pytest.raises(ClusterError, match=rf"(?s)from http://broken.*{debian.MIRROR_VARIABLE}=.*no Release"):
                debian._prepare(tmp_path / "world", "trixie")
        else:
            debian._prepare(tmp_path / "world", "trixie")
    # After the broken one the lists are not to be trusted, so the first is read anew.
    assert [f"http://{mirror}.example.org/debian" for mirror in ("one", "broken", "one", "two")] == tried


def test_the_package_is_the_first_word_of_an_archive() -> None:
    """Epochs and architectures come after it."""
    assert "libpam0g" == debian.package_of("libpam0g_1%3a1.7.0-5_amd64.deb")


def test_older_trees_are_merged_as_installed_systems_are(tmp_path: Path) -> None:
    """What packages bring in /bin and /lib moves below /usr, beside what is there, and links lead to it."""
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "usr/bin/nginx").touch()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/sh").symlink_to("busybox")
    debian.merge_usr(tmp_path)
    assert {"nginx", "sh"} == {path.name for path in (tmp_path / "usr/bin").iterdir()}
    assert "usr/bin" == str((tmp_path / "bin").readlink())
    assert not (tmp_path / "sbin").is_symlink()


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let everything be built at once out of nothing; return the names of the binaries that were."""
    done: list[str] = []

    def make(binary: Binary, _: Path) -> None:
        done.append(binary.name)
        golang.binary_path(binary).parent.mkdir(parents=True, exist_ok=True)
        golang.binary_path(binary).touch()

    monkeypatch.setattr(golang, "toolchain", lambda _minor: Path("/usr/bin/go"))
    monkeypatch.setattr(golang, "compile_binary", make)
    monkeypatch.setattr(debian, "unpack", lambda root: root.path.mkdir(parents=True))
    monkeypatch.setattr(
        images, "make", lambda image: (image.archive.parent.mkdir(exist_ok=True), image.archive.touch())
    )
    return done


def test_a_build_of_one_minor_builds_nothing_of_another(done: list[str]) -> None:
    """The default needs no second Kubernetes; asked for, only Kubernetes itself is built again."""
    artifacts.build(quiet)
    assert sorted(binary.name for binary in golang.BINARIES) == sorted(done)
    assert not artifacts.is_built("1.37")
    done.clear()
    artifacts.build(quiet, "1.37")
    assert artifacts.is_built("1.37")
    assert 6 == len(done)
    assert "etcd" not in done


def test_the_wasm_image_is_the_module_and_nothing_else(cache: Path) -> None:
    """One file, started by its path, as a user that is not root: a plain Linux image that every containerd takes."""
    module = golang.find("hello.wasm")
    module.parent.mkdir(parents=True)
    module.write_bytes(b"\0asm")
    image = next(image for image in images.IMAGES if image.name == "localhost/wasm-demo:1")
    images.make(image)
    assert image.archive.is_relative_to(cache)
    assert {"User": "65532:65532", "Entrypoint": ["/hello.wasm"]} == images._configuration(image)
    with tarfile.open(image.archive) as archive:
        layers = [
            entry for entry in archive.getmembers() if b"\0asm" in (archive.extractfile(entry) or BytesIO()).read()
        ]
        (layer,) = layers
        with tarfile.open(fileobj=archive.extractfile(layer)) as files:
            assert ["hello.wasm"] == files.getnames()


def test_a_build_does_what_is_missing_and_sweeps_what_a_killed_one_left(cache: Path, done: list[str]) -> None:
    """Finished work is kept, half-made work is not, and a second build has nothing to do."""
    golang.compile_binary(golang.BINARIES[0], Path())
    half_made = cache / "roots" / ".node-x"
    half_made.mkdir(parents=True)
    assert not artifacts.is_built()
    artifacts.build(quiet)
    assert artifacts.is_built()
    assert not half_made.exists()
    assert [binary.name for binary in golang.BINARIES] == done


@pytest.mark.usefixtures("done")
def test_a_build_removes_old_versions_that_nothing_has_used_for_a_month(cache: Path) -> None:
    """A younger one may be another checkout's; what a pin names stays however old, and every build is a use of it."""
    long_ago = time.time() - 31 * 24 * 3600
    old = [cache / "bin" / "old" / "etcd", cache / "roots" / "old", cache / "images" / "old.tar"]
    young = cache / "roots" / "young"
    pinned = golang.binary_path(golang.BINARIES[0])
    for path in (*old, young, pinned):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    for path in (old[0].parent, *old[1:], pinned.parent):
        os.utime(path, (long_ago, long_ago))
    artifacts.build(quiet)
    assert [] == [path for path in old if path.exists()]
    assert young.exists()
    assert pinned.exists()

    os.utime(pinned.parent, (long_ago, long_ago))
    artifacts.build(quiet)
    assert pinned.parent.stat().st_mtime > long_ago + 3600


def test_images_of_both_nginx_releases_differ_in_nothing_but_the_release() -> None:
    """They are one recipe over two Debian releases, so that an image update changes only that."""
    one, two = (image for image in images.IMAGES if image.name in {images.NGINX_1_22, images.NGINX_1_26})
    assert images._configuration(one) == images._configuration(two)
    assert images._own_files(one) == images._own_files(two)
    assert one.archive != two.archive
