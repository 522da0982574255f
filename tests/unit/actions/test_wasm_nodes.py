"""`wasm-nodes` on the command line, and the script that it writes, run by a real shell with doubles around it."""

import hashlib
import io
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml

from components.actions.__main__ import run
from components.model.wasm_nodes import NODE_FOLDER

PROGRAM = "containerd-shim-spin-v2"
CONTENT = b"#!/bin/sh\necho spin\n"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def ran(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Run the command line; return exit code, output and errors."""
    monkeypatch.setattr(sys, "argv", ["components.actions", "wasm-nodes", *words])
    with pytest.raises(SystemExit) as ended:
        run()
    told = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, told.out, told.err


def archive(name: str = PROGRAM) -> bytes:
    """Return an archive as projects release it: the program at its top."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as packed:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(CONTENT), 0o700
        packed.addfile(entry, io.BytesIO(CONTENT))
    return stream.getvalue()


def script(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], digest: str, *more: str) -> str:
    """Return the shell part of the user data for Spin."""
    words = ("--preset", "spin", "--version", "0.24.0", "--sha256", digest, *more)
    code, out, _ = ran(monkeypatch, capsys, "eks", *words)
    assert 0 == code
    return out[out.index("#!/bin/bash") :].split("\n--kubernetes-emerging-wasm--")[0]


def on_a_node(text: str, folder: Path, served: bytes | None) -> subprocess.CompletedProcess[str]:
    """Run a script where curl gets `served` and systemctl writes a diary; the node's folder is below `folder`."""
    doubles = folder / "bin"
    doubles.mkdir()
    (folder / "served").write_bytes(served or b"")
    curl = 'while [ "$1" != --output ]; do shift; done; cp "$SERVED" "$2"; echo "$3" >> "$DIARY"'
    for name, body in {
        "curl": curl if served is not None else "echo no route >&2; exit 7",
        "systemctl": 'echo "systemctl $*" >> "$DIARY"',
    }.items():
        (doubles / name).write_text(f"#!/bin/sh\n{body}\n")
        (doubles / name).chmod(0o755)
    assert 1 == len(re.findall(f"^folder={NODE_FOLDER}", text, re.MULTILINE))
    environment = {
        "PATH": f"{doubles}:{os.environ['PATH']}",
        "SERVED": str(folder / "served"),
        "DIARY": str(folder / "diary"),
        "TMPDIR": str(folder),
    }
    (folder / "diary").touch()
    return subprocess.run(
        ["bash", "-s"],
        input=text.replace(NODE_FOLDER, f"{folder}/node"),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_node_has_the_pinned_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is unpacked to its versioned folder, executable for all, and nothing is left beside it."""
    packed = archive()
    text = script(monkeypatch, capsys, hashlib.sha256(packed).hexdigest())
    done = on_a_node(text, tmp_path, packed)

    assert 0 == done.returncode, done.stderr
    installed = tmp_path / "node" / "spin-0.24.0"
    assert [PROGRAM] == [file.name for file in installed.iterdir()]
    assert (CONTENT, 0o755) == ((installed / PROGRAM).read_bytes(), (installed / PROGRAM).stat().st_mode & 0o777)
    assert {"bin", "diary", "node", "served"} == {file.name for file in tmp_path.iterdir()}
    release = "https://github.com/spinframework/containerd-shim-spin/releases/download/v0.24.0"
    assert [f"{release}/{PROGRAM}-linux-x86_64.tar.gz"] == (tmp_path / "diary").read_text().splitlines()


def test_a_program_that_is_not_packed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An address without .tar.gz leads to the program itself."""
    text = script(monkeypatch, capsys, DIGEST, "--url", "https://mirror.example.com/spin")
    done = on_a_node(text, tmp_path, CONTENT)

    assert 0 == done.returncode, done.stderr
    assert CONTENT == (tmp_path / "node" / "spin-0.24.0" / PROGRAM).read_bytes()


@pytest.mark.parametrize("served", [b"another archive", None, archive("something-else")])
def test_a_node_without_the_pinned_program_does_not_join(
    served: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong digest, no network, or an archive without the program: nothing is installed, and nodeadm is held back."""
    digest = hashlib.sha256(served if served and b"another" not in served else b"x").hexdigest()
    done = on_a_node(script(monkeypatch, capsys, digest), tmp_path, served)

    assert 0 != done.returncode
    assert f"{PROGRAM} 0.24.0 was not installed" in done.stderr
    assert not (tmp_path / "node" / "spin-0.24.0" / PROGRAM).exists()
    assert [
        "systemctl mask nodeadm-run.service",
        "systemctl stop --no-block nodeadm-run.service",
    ] == (tmp_path / "diary").read_text().splitlines()[-2:]


def test_a_kind_configuration_is_read_and_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The result is printed, with the name of the user's own cluster in it."""
    (tmp_path / PROGRAM).write_bytes(CONTENT)
    (tmp_path / PROGRAM).chmod(0o755)
    own = tmp_path / "kind.yaml"
    own.write_text("kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nname: mine  # a comment\n")
    words = ("--preset", "spin", "--version", "0.24.0", "--sha256", DIGEST, "--folder", str(tmp_path))
    code, out, _ = ran(monkeypatch, capsys, "kind", *words, "--config", str(own))

    assert (0, "mine") == (code, yaml.safe_load(out)["name"])
    assert "# a comment" in own.read_text()


def test_problems_end_with_2_and_print_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A script that pipes the output on gets none of it."""
    words = ("--preset", "spin", "--version", "v0.24.0", "--sha256", "", "--url", "http://example.com/a.tgz")
    code, out, err = ran(monkeypatch, capsys, "eks", *words)

    assert (2, "") == (code, out)
    assert "error: nothing is printed for 3 problems:" == err.splitlines()[0]
    assert ["version", "sha256", "url"] == [line.strip().partition(":")[0] for line in err.splitlines()[1:]]


def test_a_missing_configuration_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistyped path is no empty configuration."""
    words = ("--preset", "spin", "--version", "0.24.0", "--sha256", DIGEST, "--folder", "/")
    code, out, err = ran(monkeypatch, capsys, "kind", *words, "--config", "/nowhere.yaml")

    assert (2, "", 1) == (code, out, len(err.splitlines()))
    assert "error: --config /nowhere.yaml:" in err


def test_a_shim_is_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Digests are written by architecture, labels as pairs."""
    words = (
        "--preset",
        "wasmtime",
        "--version",
        "0.6.0",
        "--node-selector",
        "pool=wasm",
        "--sha256",
        f"amd64={DIGEST}",
    )
    code, out, _ = ran(monkeypatch, capsys, "shim", *words)

    assert 0 == code
    spec = yaml.safe_load(out)["spec"]
    assert ({"pool": "wasm"}, "wasmtime-v1") == (spec["nodeSelector"], spec["runtimeClass"]["handler"])
    assert [("amd64", DIGEST)] == [(each["arch"], each["sha256"]) for each in spec["fetchStrategy"]["platforms"]]


def test_a_pair_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A digest without its architecture is one line."""
    words = ("--preset", "spin", "--version", "0.24.0", "--node-selector", "pool=wasm", "--sha256", DIGEST)
    code, _, err = ran(monkeypatch, capsys, "shim", *words)

    assert (2, f"error: --sha256 {DIGEST}: write KEY=VALUE, each key once\n") == (code, err)


def test_where_names_what_cannot(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Kinds of nodes without a way of their own are listed, with the way around."""
    code, out, _ = ran(monkeypatch, capsys, "where")

    assert 0 == code
    assert "eks fargate: no: " in out
    assert "gke autopilot: no: " in out
    assert "-> a node group of AL2023 beside them: `wasm-nodes eks`" in out
