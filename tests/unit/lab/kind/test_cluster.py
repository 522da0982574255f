"""A kind cluster's life, driven against doubles of `docker` and `kind` that check every argument."""

import base64
import datetime as dt
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from lab.cluster import golang, identity, wasm_bundle
from lab.cluster.errors import ClusterError
from lab.kind import KindCluster, check_host, tools
from lab.kind import cluster as cluster_module
from lab.kind.tools import Wasm
from lab.progress import QuietProgress
from tests.unit.lab.doubles import ReaderDouble, diary
from tests.unit.lab.kind.doubles import put_on_path

LOOK = "docker ps --all --filter name=^demo-control-plane$ --format {{.State}}"


def _certificate() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubernetes")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a machine with Docker and kind (doubles) whose clusters have kube-system's UID `uid-1`."""
    put_on_path(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("WORLD", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(wasm_bundle, "bundle", no_wasm)
    ca = base64.b64encode(_certificate()).decode()
    cluster = {"server": "https://127.0.0.1:45891", "certificate-authority-data": ca}
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump({"clusters": [{"name": "kind-demo", "cluster": cluster}]}))
    answer(monkeypatch, "uid-1")
    return tmp_path


def no_wasm(_progress: object) -> Path:
    """Fail as where the runtime's packages cannot be had."""
    raise ClusterError("apt knows no archive of Debian")


def answer(monkeypatch: pytest.MonkeyPatch, uid: str | None) -> None:
    """Let the API server answer with this UID of kube-system, or not at all."""
    answers = {"/api/v1/namespaces/kube-system": {"metadata": {"uid": uid}}} if uid else None
    monkeypatch.setattr(cluster_module, "KubeReader", lambda *_: ReaderDouble(answers))


def test_first_start_makes_the_cluster_and_records_who_it_is(world: Path) -> None:
    """A cluster of this name is asked for; its identity is registered, so that the lab's engine works on it."""
    cluster = KindCluster("demo")
    cluster.start(QuietProgress())

    folder = world / "cache" / "kubernetes-emerging" / "kind" / "demo"
    create = (
        f"kind create cluster --config {folder}/cluster.yaml --kubeconfig {folder}/kubeconfig --wait 180s --name demo"
    )
    assert f"{create} [docker]" in diary(world)
    assert cluster.running()
    assert ("kind-demo", folder / "kubeconfig") == (cluster.context, cluster.kubeconfig)
    assert 0o600 == cluster.kubeconfig.stat().st_mode & 0o777
    made = cluster.identity()
    assert made is not None
    assert identity.known("https://127.0.0.1:45891", made.ca_sha256, "uid-1")


def test_second_start_changes_nothing(world: Path) -> None:
    """A running cluster is looked at, and that is all."""
    KindCluster("demo").start(QuietProgress())
    diary(world)
    KindCluster("demo").start(QuietProgress())
    assert {LOOK} == set(diary(world))


def test_a_stopped_cluster_comes_back_as_it_was(world: Path) -> None:
    """After a restart of the machine the node's container is started again, and not made anew."""
    KindCluster("demo").start(QuietProgress())
    (world / "demo-control-plane").write_text("exited\n")
    diary(world)
    cluster = KindCluster("demo")
    assert not cluster.running()
    cluster.start(QuietProgress())
    assert "docker start demo-control-plane" in diary(world)
    assert cluster.running()


def test_a_creation_that_was_killed_is_begun_anew(world: Path) -> None:
    """What a killed `kind create` left is removed first: its mark says that it is ours."""
    (world / "fails").touch()
    with pytest.raises(ClusterError, match="could not pull the node image"):
        KindCluster("demo").start(QuietProgress())
    (world / "fails").unlink()
    diary(world)

    KindCluster("demo").start(QuietProgress())

    calls = [line.split(" --")[0] for line in diary(world) if line.startswith("kind")]
    assert ["kind delete cluster", "kind create cluster"] == calls


def test_a_cluster_that_was_removed_by_hand_is_made_again(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`kind delete cluster` behind the lab's back leaves a mark; the next start makes a new one with a new identity."""
    KindCluster("demo").start(QuietProgress())
    (world / "demo-control-plane").unlink()
    answer(monkeypatch, "uid-2")
    cluster = KindCluster("demo")
    cluster.start(QuietProgress())
    found = cluster.identity()
    assert found is not None
    assert "uid-2" == found.cluster_id


def test_somebody_elses_cluster_of_the_name_is_left_alone(world: Path) -> None:
    """A cluster without our mark is neither started nor deleted."""
    (world / "demo-control-plane").write_text("running\n")
    cluster = KindCluster("demo")
    with pytest.raises(ClusterError, match="was not made here"):
        cluster.start(QuietProgress())
    cluster.delete(QuietProgress())
    assert not cluster.running()
    assert [LOOK] == [line for line in diary(world) if line != "docker info"]


def test_a_cluster_with_another_identity_is_never_deleted(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody made a cluster of the same name anew: its UID is another one, and it stays."""
    KindCluster("demo").start(QuietProgress())
    answer(monkeypatch, "uid-9")
    diary(world)
    for act in (KindCluster("demo").start, KindCluster("demo").delete):
        with pytest.raises(ClusterError, match="another one"):
            act(QuietProgress())
    assert (world / "demo-control-plane").exists()
    assert not [line for line in diary(world) if line.startswith("kind")]


@pytest.mark.parametrize("answers", ["uid-1", None])
def test_delete_leaves_nothing(world: Path, monkeypatch: pytest.MonkeyPatch, answers: str | None) -> None:
    """Container, files and registration go, also where the API server no longer answers."""
    cluster = KindCluster("demo")
    cluster.start(QuietProgress())
    made = cluster.identity()
    answer(monkeypatch, answers)
    cluster.delete(QuietProgress())
    assert not (world / "demo-control-plane").exists()
    assert not list((world / "cache" / "kubernetes-emerging" / "kind").iterdir())
    assert made is not None
    assert not identity.known(made.server, made.ca_sha256, made.cluster_id)
    cluster.delete(QuietProgress())


def test_another_minor_is_refused_in_words(world: Path) -> None:
    """A cluster keeps the minor that it was made with."""
    KindCluster("demo").start(QuietProgress())
    with pytest.raises(ClusterError, match=r"was made with Kubernetes 1\.33, not 1\.37"):
        KindCluster("demo", "1.37").start(QuietProgress())
    assert (world / "demo-control-plane").exists()


def test_the_wasm_runtime_is_mounted_and_its_image_loaded(world: Path) -> None:
    """Where the runtime can be had the node gets its handler, and the demo's image is there without a registry."""
    image = world / "wasm-demo.tar"
    image.touch()
    cluster = KindCluster("demo", wasm=lambda _: Wasm(world / "wasm", image))
    cluster.start(QuietProgress())
    assert f"kind load image-archive {image} --name demo [docker]" in diary(world)
    config = yaml.safe_load((world / "config.yaml").read_text())
    assert str(world / "wasm") == config["nodes"][0]["extraMounts"][0]["hostPath"]


def test_a_runtime_that_cannot_be_had_is_told_and_left_out(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cluster comes up without the handler, and the reason is said."""
    progress = QuietProgress()
    notes: list[str] = []
    monkeypatch.setattr(progress, "note", notes.append)
    KindCluster("demo").start(progress)
    assert "containerdConfigPatches" not in yaml.safe_load((world / "config.yaml").read_text())
    assert "apt knows no archive of Debian" in notes[0]


def test_docker_without_a_daemon_is_told_with_the_remedy(world: Path) -> None:
    """An installed Docker that does not answer is not a way; the message says what to look at."""
    assert [] == check_host()
    (world / "no-daemon").touch()
    problems = check_host()
    assert [("docker is installed, but does not answer", "start it, and look at `docker info`")] == [
        (one.what, one.remedy) for one in problems
    ]


def test_an_old_kind_on_path_is_not_used(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pinned node images need a newer kind: an older one is passed over for the built one."""
    assert world / "bin" / "kind" == tools.kind(QuietProgress())
    monkeypatch.setenv("KIND_DOUBLE_VERSION", "0.27.0")
    built = golang.binary_path(tools.BINARY)
    built.parent.mkdir(parents=True)
    built.touch()
    assert built == tools.kind(QuietProgress())
