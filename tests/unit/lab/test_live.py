"""Reading a cluster over HTTP, against a little server of the test's own."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml

from lab.errors import LabError
from lab.given import GivenCluster
from lab.live import KubeReader
from lab.progress import QuietProgress


class Api(BaseHTTPRequestHandler):
    """Answers /version, and the namespace kube-system where it is told to; refuses everything else."""

    open_system = False

    def do_GET(self) -> None:
        """Answer one request."""
        answers: dict[str, object] = {"/version": {"gitVersion": "v1.33.13"}}
        if type(self).open_system:
            answers["/api/v1/namespaces/kube-system"] = {"metadata": {"uid": "uid-1"}}
        good = self.path in answers and self.headers["Authorization"] == "Bearer made-up"
        self.send_response(200 if good else 403)
        self.end_headers()
        self.wfile.write(json.dumps(answers.get(self.path, {})).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Iterator[Path]:
    """Serve on a free port and return a kubeconfig for it."""
    with HTTPServer(("127.0.0.1", 0), Api) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        path = tmp_path / "kubeconfig"
        path.write_text(
            yaml.safe_dump(
                {
                    "apiVersion": "v1",
                    "kind": "Config",
                    "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
                    "users": [{"name": "u", "user": {"token": "made-up"}}],
                    "contexts": [{"name": "lab", "context": {"cluster": "c", "user": "u"}}],
                    "current-context": "lab",
                }
            )
        )
        try:
            yield path
        finally:
            server.shutdown()
            thread.join()


def test_object_comes_back_as_json(kubeconfig: Path) -> None:
    """The kubeconfig's own credentials are used."""
    assert {"gitVersion": "v1.33.13"} == KubeReader(kubeconfig, "lab").get("/version")


def test_refusal_is_told_with_status_and_path(kubeconfig: Path) -> None:
    """A status that is not 200 is an error for people."""
    with pytest.raises(LabError, match="403 to /api"):
        KubeReader(kubeconfig, "lab").get("/api")


def test_silence_is_told(kubeconfig: Path) -> None:
    """A closed port is an error for people, and comes at once."""
    text = kubeconfig.read_text()
    kubeconfig.write_text(
        "".join(
            line.split("http")[0] + "http://127.0.0.1:1\n" if "http" in line else line
            for line in text.splitlines(keepends=True)
        )
    )

    with pytest.raises(LabError, match="does not answer"):
        KubeReader(kubeconfig, "lab", timeout=1).get("/version")


@pytest.mark.parametrize("context", ["other"])
def test_kubeconfig_that_cannot_be_used_is_named(kubeconfig: Path, context: str) -> None:
    """An unknown context or a missing file is an error that names the file."""
    with pytest.raises(LabError, match="kubeconfig"):
        KubeReader(kubeconfig, context)
    with pytest.raises(LabError, match="missing"):
        KubeReader(kubeconfig.with_name("missing"), "lab")


@pytest.mark.parametrize(("readable", "expected"), [(True, "uid-1"), (False, "")])
def test_given_cluster_tells_who_it_is_where_it_may(
    kubeconfig: Path, monkeypatch: pytest.MonkeyPatch, readable: bool, expected: str
) -> None:
    """The UID of kube-system; with a user who may not read it, none, which is no failure."""
    monkeypatch.setattr(Api, "open_system", readable)
    cluster = GivenCluster(kubeconfig, "lab")
    cluster.start(QuietProgress())
    assert cluster.running()
    identity = cluster.identity()
    assert identity is not None
    assert expected == identity.cluster_id


def test_given_cluster_that_does_not_answer_is_told(kubeconfig: Path) -> None:
    """Its kubeconfig is wrong, or it is away: `start` says which."""
    cluster = GivenCluster(kubeconfig, "other")
    assert not cluster.running()
    with pytest.raises(LabError, match="kubeconfig"):
        cluster.start(QuietProgress())
