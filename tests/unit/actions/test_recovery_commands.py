"""`restore`, `compare`, `plan-reset` and `reset` on the command line, as people read them, without a cluster."""

import sys
from pathlib import Path
from typing import Any

import pytest

from components.actions.__main__ import run
from components.actions.client import Client
from components.actions.connection import Connection
from components.actions.snapshot import take
from tests.unit.actions.api import KUBE_SYSTEM, ApiDouble, thing
from tests.unit.actions.test_reset import quiet
from tests.unit.actions.test_snapshot import IDENTITY, READERS
from tests.unit.actions.test_snapshot_commands import KUBECONFIG


@pytest.fixture
def api() -> ApiDouble:
    """Give a cluster against whose reset nothing stands."""
    return quiet()


@pytest.fixture
def call(api: ApiDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Give a function that runs a command on that cluster; `SNAPSHOT` stands for one, with its identity."""
    place = take(Client(api), str(tmp_path / "s"), READERS).place
    (tmp_path / "key").write_text(str(IDENTITY))
    monkeypatch.setattr(Connection, "client", lambda _self, **_options: Client(api))
    monkeypatch.setenv("KUBECONFIG", KUBECONFIG)
    monkeypatch.chdir(tmp_path)

    def run_it(*arguments: str) -> tuple[Any, str, str]:
        words = [place if word == "SNAPSHOT" else word for word in arguments]
        monkeypatch.setattr(sys, "argv", ["components.actions", *words, "-i", str(tmp_path / "key")])
        with pytest.raises(SystemExit) as ended:
            run()
        told = capsys.readouterr()
        return ended.value.code, told.out, told.err

    return run_it


def test_a_comparison_is_read_by_people(call: Any, api: ApiDouble) -> None:
    """One line each, paths and no values; 1 when something is not as it was."""
    assert "compared: 5 equal, 0 different, 0 missing, 0 that are not in the snapshot" in call("compare", "SNAPSHOT")[1]
    del api.stores["v1/secrets"][0]
    api.stores["v1/configmaps"][0]["data"] = {"password": "made-up"}
    api.put(thing("ConfigMap", "new"))
    code, out, _ = call("compare", "SNAPSHOT")

    assert 1 == code
    for line in ("missing: secrets shop/s", "different: configmaps shop/c: data", "besides: configmaps shop/new"):
        assert f"{line}\n" in out
    assert "not restored: 1 nodes: kubelets register them\n" in out
    assert "made-up" not in out


def test_a_restore_is_read_by_people(call: Any, api: ApiDouble) -> None:
    """What was there, what was kept and why; the end says what is not included."""
    assert "5 same\n" in call("restore", "SNAPSHOT")[1]
    api.stores["v1/configmaps"][0]["data"] = {"password": "made-up"}
    code, _, err = call("restore", "SNAPSHOT")
    assert (2, True) == (code, "configmaps shop/c: data\nsay --on-conflict skip" in err)
    code, out, _ = call("restore", "SNAPSHOT", "--on-conflict", "skip", "--patience", "0")

    assert (0, True) == (code, "kept: configmaps shop/c: it is there and differs in data\n" in out)
    assert "Volume data is not included" in out


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("a", "--map-namespace is a pair of names: write OLD=NEW"),
        ("a=", "--map-namespace is a pair of names: write OLD=NEW"),
    ],
)
def test_pairs_of_names(call: Any, option: str, words: str) -> None:
    """What is no pair is a line."""
    assert (2, f"error: {words}\n") == call("restore", "SNAPSHOT", "--map-namespace", option)[::2]


def test_two_namespaces_cannot_become_one(call: Any) -> None:
    """Their objects would meet."""
    code, _, err = call("restore", "SNAPSHOT", "--map-namespace", "a=c", "--map-namespace", "b=c")

    assert (2, True) == (code, "two names to one" in err)


def test_a_plan_is_read_by_people(call: Any, api: ApiDouble) -> None:
    """The cluster, what a reset means, the token; then what is lost and what stands against it."""
    code, out, _ = call("plan-reset", "--context", "lab", "--snapshot", "SNAPSHOT")
    assert 0 == code
    assert f"cluster {KUBE_SYSTEM} (https://double.invalid, Kubernetes v1.33.13 on lab, 1 nodes)" in out
    assert "a reset here: the lab's own cluster" in out
    assert "\ntoken 20" in out
    api.put(thing("Pod", "p", spec={"volumes": [{"name": "v", "hostPath": {"path": "/data"}}]}))
    code, out, _ = call("plan-reset", "--context", "lab", "--snapshot", "SNAPSHOT")

    assert (1, False) == (code, "token" in out)
    assert "lost: pod shop/p, volume v: hostPath /data of its node\n" in out
    assert "not as in the snapshot: pods shop/p\n" in out
    assert "refused: data would be lost in 1 places" in out


def test_a_reset_takes_a_driver(call: Any) -> None:
    """And nothing is touched with a word that is none."""
    options = ["--context", "lab", "--snapshot", "SNAPSHOT", "--token", "x"]

    assert "--driver names no program" in call("reset", *options, "--driver", " ")[2]
    code, out, err = call("reset", *options, "--driver", "false")
    assert (2, "") == (code, out)
    assert "the cluster was not touched:\n  the token is none" in err
