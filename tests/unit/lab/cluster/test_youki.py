"""youki: built only for those who ask, in one piece, and shown to the nodes that were given it."""

import json
import tomllib
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from lab.cluster import artifacts, building, config, pki, plan, youki
from lab.cluster.errors import ClusterError
from lab.cluster.instance import Instance
from lab.cluster.network import Ranges
from lab.progress import quiet

RANGES = Ranges(IPv4Network("10.240.0.0/16"))
# It says which libseccomp it was to link, and how; what it "builds" is its own command line.
CARGO = """\
[ "$1" = --version ] && { echo "cargo $CARGO_DOUBLE (made up)"; exit 0; }
[ "$1" = install ] || exit 64
echo "$*" "$LIBSECCOMP_LINK_TYPE" "$LIBSECCOMP_LIB_PATH" > "$DIARY"
[ -n "$CARGO_FAILS" ] && { echo "error: could not compile" >&2; exit 101; }
while [ "$1" != --root ]; do shift; done
mkdir -p "$2/bin" "$CARGO_TARGET_DIR" && echo built > "$2/bin/youki"
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the cache in a folder of the test's own, with Debian's libseccomp in it; put a cargo on PATH."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (youki._SECCOMP.path / "usr" / "lib" / "x86_64-linux-gnu").mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "cargo").write_text(f"#!/bin/sh\n{CARGO}")
    (tmp_path / "bin" / "cargo").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("CARGO_DOUBLE", "1.95.0")
    monkeypatch.setenv("CARGO_FAILS", "")
    monkeypatch.setenv("DIARY", str(tmp_path / "diary"))
    return tmp_path / "cache" / "kubernetes-emerging"


def test_an_ordinary_build_knows_nothing_of_it() -> None:
    """Nobody waits for a Rust program that they did not ask for."""
    assert [] == [what for what, _ in artifacts._steps("1.33") if "youki" in what]


def test_it_is_built_whole_from_its_pinned_version(tmp_path: Path, cache: Path) -> None:
    """The version is locked, libseccomp is linked in, and nothing but the program is left."""
    folder = youki._SECCOMP.path / "usr" / "lib" / "x86_64-linux-gnu"
    youki.build(quiet)

    said = (tmp_path / "diary").read_text()
    assert said.startswith("install youki --version 0.7.0 --locked --features v1,v2,seccomp,wasm-wasmtime --root ")
    assert said.endswith(f" static {folder}\n")
    assert "built\n" == youki.path().read_text()
    assert [youki.path()] == list(youki.path().parent.iterdir())
    assert cache in youki.path().parents


def test_what_is_built_is_not_built_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Afterwards it takes no cargo."""
    youki.build(quiet)
    monkeypatch.setenv("PATH", "/nowhere")
    youki.build(quiet)
    assert youki.is_built()


def test_a_build_that_fails_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cargo said is told, and there is no half of a program."""
    monkeypatch.setenv("CARGO_FAILS", "1")
    with pytest.raises(ClusterError, match="could not compile"):
        youki.build(quiet)
    assert not youki.is_built()
    assert [] == list(youki.path().parent.iterdir())


def test_what_a_killed_build_left_is_swept(cache: Path) -> None:
    """The next build of anything finds the place clean."""
    left = youki.path().parent / ".building-abc" / "target"
    left.mkdir(parents=True)
    with building.alone(quiet):
        assert not left.parent.exists(), cache


@pytest.mark.parametrize(
    ("version", "said"), [("1.63.0", "this is cargo 1.63.0"), ("", "this is cargo"), (None, "is not on this machine")]
)
def test_a_toolchain_that_cannot_build_it_is_told_first(
    version: str | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty minutes are not spent on what will fail."""
    if version is None:
        monkeypatch.setenv("PATH", "/nowhere")
    else:
        monkeypatch.setenv("CARGO_DOUBLE", version)
    with pytest.raises(ClusterError, match=r"needs Rust 1\.94 or later") as caught:
        youki.build(quiet)
    assert said in str(caught.value)


def test_a_node_that_was_given_it_has_its_handler(tmp_path: Path) -> None:
    """The program is shown read-only, and containers but the pod's own begin with the annotation that it goes by."""
    pki.write_all(tmp_path / "etc" / "pki", RANGES)
    plan.write_configuration(
        tmp_path, RANGES, "group", plan.Host("overlayfs", restrict_oom_score=True), with_youki=True
    )
    told = tomllib.loads((tmp_path / "etc" / "containerd.toml").read_text())
    runtimes = told["plugins"]["io.containerd.cri.v1.runtime"]["containerd"]["runtimes"]
    assert {"runc", config.WASM_HANDLER, youki.HANDLER} <= set(runtimes)
    handler = runtimes[youki.HANDLER]
    assert f"{config.CONFIG}/{config.YOUKI_SPEC}" == handler["base_runtime_spec"]
    spec = json.loads((tmp_path / "etc" / config.YOUKI_SPEC).read_text())
    assert {"run.oci.handler": "wasm"} == spec["annotations"]
    binds = {bind["target"]: bind for bind in plan.render(tmp_path, RANGES, "group", with_youki=True)["binds"]}
    assert (str(youki.path()), True) == (
        binds[handler["options"]["BinaryName"]]["source"],
        binds[handler["options"]["BinaryName"]]["read_only"],
    )


def test_other_nodes_have_none_of_it(tmp_path: Path) -> None:
    """A handler whose program is not there would only fail later."""
    pki.write_all(tmp_path / "etc" / "pki", RANGES)
    plan.write_configuration(tmp_path, RANGES, "group", plan.Host("overlayfs", restrict_oom_score=True))
    assert "youki" not in (tmp_path / "etc" / "containerd.toml").read_text()
    assert "youki" not in json.dumps(plan.render(tmp_path, RANGES, "group"))


def test_an_instance_remembers_that_it_was_given_it() -> None:
    """It has the handler at every later start, too."""
    assert not Instance("some").has_youki()
    Instance("some").give_youki()
    assert Instance("some").has_youki()
    assert not Instance("other").has_youki()
