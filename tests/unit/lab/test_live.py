"""Reading a cluster over HTTP, against a little server of the test's own."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml

from lab.errors import LabError
from lab.live import KubeReader


class Api(BaseHTTPRequestHandler):
    """Answers /version, refuses everything else, and remembers the token."""

    def do_GET(self) -> None:
        """Answer one request."""
        good = self.path == "/version" and self.headers["Authorization"] == "Bearer made-up"
        self.send_response(200 if good else 403)
        self.end_headers()
        self.wfile.write(json.dumps({"gitVersion": "v1.33.13"}).encode())

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
