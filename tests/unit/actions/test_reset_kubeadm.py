"""The driver for kubeadm's clusters, against doubles of ssh and kubeadm that know no other arguments than these.

The double of ssh runs every script with a shell, in a folder that stands for the node's root.
"""

import base64
import hashlib
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.actions.errors import ConnectionProblem
from components.actions.reset import kubeadm

SSH = """#!{python}
import os, subprocess, sys
from pathlib import Path
top, words = Path({top!r}), sys.argv[1:]
options, node = words[:4], words[4]
if options != ["-o", "BatchMode=yes", "-o", "ConnectTimeout=10"] or words[5:] != ["sh", "-e", "-s"]:
    sys.exit(f"unknown: {{words}}")
root, script = top / node, sys.stdin.read()
if not root.is_dir():
    sys.exit(255)
for folder in ("/etc/", "/var/lib/"):
    script = script.replace(folder, f"{{root}}{{folder}}")
environment = {{"PATH": f"{{top}}:/usr/bin:/bin", "NODE": str(root)}}
sys.exit(subprocess.run(["sh", "-e", "-s"], input=script, text=True, env=environment).returncode)
"""
KUBEADM = """#!{python}
import os, stat, sys, yaml
from pathlib import Path
top, root, words = Path({top!r}), Path(os.environ["NODE"]), sys.argv[1:]
kubernetes, file = root / "etc/kubernetes", root / "etc/kubernetes-emerging-kubeadm.yaml"
def log(text):
    with (top / "log").open("a") as stream:
        stream.write(f"{{root.name}} {{text}}\\n")
def given():
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    return yaml.safe_load(file.read_text())
if words == ["reset", "--force"]:
    log("reset")
    if (top / f"fails-{{root.name}}").exists():
        sys.exit(0)  # as kubeadm does, with a warning
    for each in [*kubernetes.glob("pki/*"), *kubernetes.glob("*.conf"), *(root / "var/lib/etcd").glob("*")]:
        each.unlink()
elif words == ["init", "--config", str(file), "--skip-token-print"]:
    assert not (kubernetes / "pki/ca.crt").exists()
    assert given() == {{"kind": "ClusterConfiguration"}}
    (kubernetes / "pki/ca.crt").write_text("new authority")
    (kubernetes / "admin.conf").write_text((top / "admin.conf").read_text())
    log("init")
elif words == ["token", "create", "--ttl", "1h", "--print-join-command"]:
    print("kubeadm join 10.0.0.1:6443 --token made-up.token --discovery-token-ca-cert-hash sha256:" + "a" * 64)
elif words == ["init", "phase", "upload-certs", "--upload-certs"]:
    print("[upload-certs] Using certificate key:\\n" + "b" * 64)
elif words == ["join", "--config", str(file)]:
    assert not (kubernetes / "pki/ca.crt").exists()
    told = given()
    token = {{"apiServerEndpoint": "10.0.0.1:6443", "token": "made-up.token", "caCertHashes": ["sha256:" + "a" * 64]}}
    expected = {{"apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "JoinConfiguration"}}
    expected["discovery"] = {{"bootstrapToken": token}}
    as_control_plane = told.pop("controlPlane", None)
    assert as_control_plane in (None, {{"certificateKey": "b" * 64}}) and told == expected
    (kubernetes / "pki/ca.crt").write_text("new authority")
    log("join as a control plane" if as_control_plane else "join")
else:
    sys.exit(f"unknown: {{words}}")
"""
NODES = ("cp1", "cp2", "w1", "w2")


def kubeconfig(authority: str, user: str) -> dict[str, Any]:
    """Return a kubeconfig of one context."""
    cluster = {
        "server": "https://10.0.0.1:6443",
        "certificate-authority-data": base64.b64encode(authority.encode()).decode(),
    }
    return {
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": {"token": user}}],
        "contexts": [{"name": "mine", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "mine",
    }


class Scene:
    """Four nodes of one cluster, as folders."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
        self.folder = folder
        self.kubeconfig = folder / "kubeconfig"
        self._patch = monkeypatch
        self._capfd = capfd
        for name, text in (("ssh", SSH), ("kubeadm", KUBEADM)):
            (folder / name).write_text(text.format(python=sys.executable, top=str(folder)))
            (folder / name).chmod(0o755)
        for node in NODES:
            (folder / node / "etc/kubernetes/pki").mkdir(parents=True)
            (folder / node / "etc/kubernetes/pki/ca.crt").write_text("old authority")
        (folder / "cp1/var/lib/etcd").mkdir(parents=True)
        (folder / "cp1/var/lib/etcd/db").touch()
        (folder / "kubeadm.yaml").write_text("kind: ClusterConfiguration\n")
        (folder / "admin.conf").write_text(yaml.safe_dump(kubeconfig("new authority", "new user")))
        self.kubeconfig.write_text(yaml.safe_dump(kubeconfig("old authority", "old user")))
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        monkeypatch.setenv("KUBECONFIG", str(self.kubeconfig))
        monkeypatch.setenv("RESET_CLUSTER", "uid")
        self.answers("uid")

    def answers(self, cluster: str) -> None:
        """Let this cluster answer; none for ""."""

        def found(_connection: object) -> str:
            if not cluster:
                raise ConnectionProblem("it does not answer", "wait")
            return cluster

        self._patch.setattr(kubeadm, "cluster_id_of", found)

    def run(self, *words: str) -> tuple[Any, list[str], str]:
        """Run the driver; return the exit code, what kubeadm was asked for on which node, and what was said."""
        nodes = ["--control-plane", "cp1", "--control-plane", "cp2", "--worker", "w1", "--worker", "w2"]
        given = [*nodes, "--config", str(self.folder / "kubeadm.yaml"), "--context", "mine", *words]
        self._patch.setattr(sys, "argv", ["kubeadm", *given])
        log = self.folder / "log"
        log.unlink(missing_ok=True)
        with pytest.raises(SystemExit) as ended:
            kubeadm.run()
        return ended.value.code, log.read_text().splitlines() if log.exists() else [], self._capfd.readouterr().err


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> Scene:
    """Give such nodes."""
    return Scene(tmp_path, monkeypatch, capfd)


RESETS = ["w2 reset", "w1 reset", "cp2 reset", "cp1 reset"]
MAKES = ["cp1 init", "cp2 join as a control plane", "w1 join", "w2 join"]


def test_every_node_is_reset_and_joins_again(scene: Scene) -> None:
    """Workers first, the first control plane last; the kubeconfig keeps its names and gets what is in it."""
    scene.kubeconfig.chmod(0o644)
    assert (0, [*RESETS, *MAKES]) == scene.run()[:2]
    told = yaml.safe_load(scene.kubeconfig.read_text())
    assert kubeconfig("new authority", "new user") == told
    assert 0o600 == stat.S_IMODE(scene.kubeconfig.stat().st_mode)
    # No file with a token, nor a mark, is left.
    assert [] == [each.name for node in NODES for each in (scene.folder / node / "etc").glob("kubernetes-emerging*")]


def test_a_run_after_a_kill_begins_again(scene: Scene) -> None:
    """Half of the nodes are reset, or the new cluster is half made, and nothing answers: marks tell whose they are."""
    for node in NODES:
        (scene.folder / node / "etc/kubernetes-emerging-reset").write_text("uid\n")
    (scene.folder / "w2/etc/kubernetes/pki/ca.crt").unlink()
    (scene.folder / "cp1/etc/kubernetes/pki/ca.crt").write_text("a third authority")
    scene.answers("")

    assert (0, [*RESETS, *MAKES]) == scene.run()[:2]


@pytest.mark.parametrize("answering", ["uid", ""])
def test_a_machine_of_another_cluster_stops_it(scene: Scene, answering: str) -> None:
    """Before anything is begun on any of them; and unmarked ones, where nobody can say whose they are."""
    (scene.folder / "w1/etc/kubernetes/pki/ca.crt").write_text("authority of others")
    scene.answers(answering)
    code, commands, said = scene.run()

    assert (1, []) == (code, commands)
    assert "error: " in said
    assert "w1 is no node of the cluster uid, or that does not answer" in said
    assert ("cp1 is no node" in said) == (not answering)
    assert not (scene.folder / "cp1/etc/kubernetes-emerging-reset").exists()


def test_what_is_wrong_is_told_before_it_begins(scene: Scene) -> None:
    """Another cluster, a missing file, a node named twice, a node that is not reached."""
    scene.answers("another")
    assert "the cluster that answers is another, and not uid: nothing was done" in scene.run()[2]
    scene.answers("uid")
    assert "w1: name each once" in scene.run("--worker", "w1")[2]
    assert "missing does not exist: give the file" in scene.run("--config", "missing")[2]
    code, commands, said = scene.run("--worker", "nowhere")
    assert (1, []) == (code, commands)
    assert "nowhere: a script ended with 255" in said
    assert "absent is not on PATH" in scene.run("--ssh", "absent")[2]


def test_what_kubeadm_has_left_stops_it(scene: Scene) -> None:
    """It ends with 0 and a warning where it could not; what has to be gone is looked for."""
    (scene.folder / "fails-w1").touch()
    code, commands, said = scene.run()

    assert (1, ["w2 reset", "w1 reset"]) == (code, commands)
    assert "kubeadm reset has left" in said
    assert "ca.crt" in said
    assert kubeconfig("old authority", "old user") == yaml.safe_load(scene.kubeconfig.read_text())
    assert hashlib.sha256(b"old authority").hexdigest() not in said
