"""Kubeconfigs: what is refused, what stays secret, what is left on disk."""

import base64
import logging
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.actions import client as client_module
from components.actions.connection import Connection, load_kubeconfig
from components.actions.errors import ConnectionProblem
from components.actions.login import log_in
from tests.unit.actions.servers import SECRET, https_double, inline, kubeconfig, make_certificate


def test_content_and_file_give_the_same_connection(tmp_path: Path) -> None:
    """A path and the content behind it are equally good."""
    content = yaml.safe_dump(kubeconfig())
    path = tmp_path / "config"
    path.write_text(content)
    assert load_kubeconfig(str(path)) == load_kubeconfig(content) == Connection(content)


def test_nothing_of_the_kubeconfig_shows_in_repr() -> None:
    """A connection may be logged."""
    assert SECRET not in repr(load_kubeconfig(yaml.safe_dump(kubeconfig())))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"current-context": None}, "no current context: name one of: lab"),
        ({"current-context": "other"}, "no context 'other': name one of: lab"),
        ({"clusters": []}, "names no clusters"),
        ({"clusters": [{"name": "c", "cluster": {}}]}, "names no cluster with a server"),
        ({"clusters": [{"name": "other", "cluster": {"server": "https://x"}}]}, "names no cluster with a server"),
        ({"users": []}, "names the user 'u'"),
        ({"contexts": "lab"}, "not a list of named entries"),
        ({"contexts": [{"name": "lab", "context": "c"}]}, "contexts are not a list of named entries"),
    ],
)
def test_incomplete_kubeconfigs_are_refused_in_words(change: dict[str, Any], words: str) -> None:
    """Each problem names what is missing and what to write."""
    content = yaml.safe_dump(kubeconfig() | change)
    with pytest.raises(ValueError, match=words) as caught:
        load_kubeconfig(content)
    assert SECRET not in str(caught.value)
    with pytest.raises(ConnectionProblem, match=words) as problem:
        Connection(content).client()
    assert str(caught.value) == str(problem.value)
    assert problem.value.remedy


def test_a_path_is_no_connection(tmp_path: Path) -> None:
    """A connection holds content; who gives a path is told, whether or not the file exists."""
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(kubeconfig()))
    for given in (str(path), "~/.kube/config", ""):
        with pytest.raises(ConnectionProblem, match="is not the content of one") as caught:
            Connection(given).client()
        assert "pass the file's content" in caught.value.remedy


def test_broken_yaml_is_refused_without_quoting_it() -> None:
    """The parser's own message would print the line with the token."""
    with pytest.raises(ValueError, match="not valid YAML at line 2") as caught:
        load_kubeconfig(f"token: {SECRET}\n  bad: [{SECRET}\n")
    assert SECRET not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The path is in the message."""
    with pytest.raises(ValueError, match="gone does not exist"):
        load_kubeconfig(str(tmp_path / "gone"))
    with pytest.raises(ValueError, match="cannot be read"):
        load_kubeconfig(str(tmp_path))


def test_a_missing_exec_plugin_is_named() -> None:
    """The program that is missing is named, with the hint of the kubeconfig."""
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-login", "installHint": "get it"}
    with pytest.raises(ValueError, match="'no-such-login', which is not installed: get it"):
        load_kubeconfig(yaml.safe_dump(kubeconfig(exec=plugin)))


def test_a_failing_exec_plugin_is_a_problem_and_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The official loader only logs it and goes on without credentials."""
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "false"}
    connection = load_kubeconfig(yaml.safe_dump(kubeconfig(exec=plugin)))
    handlers = logging.getLogger().handlers[:]
    with pytest.raises(ConnectionProblem, match="'false' of context 'lab' gave no credentials") as caught:
        connection.client()
    assert "log in" in caught.value.remedy
    assert handlers == logging.getLogger().handlers
    assert SECRET not in caplog.text


def test_relative_names_start_at_the_kubeconfig(tmp_path: Path) -> None:
    """Files named in a kubeconfig are found from its own folder."""
    config = kubeconfig(**{"client-certificate": "me.crt", "client-key": "/abs/me.key"})
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(config))
    user = yaml.safe_load(load_kubeconfig(str(path)).kubeconfig)["users"][0]["user"]
    assert user == {"client-certificate": str(tmp_path / "me.crt"), "client-key": "/abs/me.key"}


def test_the_context_can_be_chosen() -> None:
    """Another context than the current one is used when named."""
    config = kubeconfig()
    config["contexts"].append({"name": "second", "context": {"cluster": "d", "user": "u"}})
    config["clusters"].append({"name": "d", "cluster": {"server": "https://second.invalid"}})
    assert load_kubeconfig(yaml.safe_dump(config), "second").client().server == "https://second.invalid"


def test_bad_base64_and_bad_certificates_are_problems() -> None:
    """Damaged inline data is reported without showing it."""
    for data in ("%%%", base64.b64encode(b"no certificate").decode()):
        config = kubeconfig(**{"client-certificate-data": data, "client-key-data": data})
        with pytest.raises(ConnectionProblem, match="fetch the kubeconfig anew") as caught:
            Connection(yaml.safe_dump(config)).client()
        assert data not in str(caught.value)


@pytest.fixture(scope="module")
def certificate() -> tuple[str, str]:
    """Return a self-signed certificate for 127.0.0.1 and its key, as PEM."""
    return make_certificate()


def test_inline_certificates_leave_no_file(
    certificate: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutual TLS works from a kubeconfig with inline data, and the temporary folder is empty throughout."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with https_double(certificate) as (server, seen):
        connection = Connection(inline(certificate, server), cluster_id="uid-system")
        with connection.client() as client:
            assert list(tmp_path.iterdir()) == []
            assert client.get("/x") == {"metadata": {"uid": "uid-system"}}
        assert seen == ["/api/v1/namespaces/kube-system None", "/x None"]


def test_certificates_from_a_plugin_leave_no_file(
    certificate: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an exec plugin returns as certificates works, and its temporary folder is gone."""
    import json

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    status = {"clientCertificateData": certificate[0], "clientKeyData": certificate[1]}
    version = "client.authentication.k8s.io/v1"
    credential = json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": status})
    with https_double(certificate) as (server, _seen):
        config = yaml.safe_load(inline(certificate, server))
        plugin = {"apiVersion": version, "command": "printf", "args": ["%s", credential]}
        config["users"][0]["user"] = {"exec": plugin}
        with load_kubeconfig(yaml.safe_dump(config)).client() as client:
            assert client.get("/x")["metadata"]["uid"] == "uid-system"
    assert list(tmp_path.iterdir()) == []


def test_another_cluster_is_refused(certificate: tuple[str, str]) -> None:
    """A cluster whose kube-system has another UID is not touched."""
    with https_double(certificate) as (server, _seen):
        connection = Connection(inline(certificate, server), cluster_id="uid-of-the-one-meant")
        with pytest.raises(ConnectionProblem, match="another cluster than the one meant"):
            connection.client()


def test_a_server_with_another_authority_is_refused(certificate: tuple[str, str]) -> None:
    """Without the authority in the kubeconfig the server's certificate does not pass, and nothing is sent."""
    with https_double(certificate) as (server, seen):
        config = yaml.safe_load(inline(certificate, server))
        del config["clusters"][0]["cluster"]["certificate-authority-data"]
        client = Connection(yaml.safe_dump(config)).client()
        with client, pytest.raises(ConnectionProblem, match="TLS check"):
            client.get("/x")
        assert seen == []


def test_a_dead_server_is_a_problem_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused connection is one line, not urllib3's nesting."""
    monkeypatch.setattr(client_module, "_PAUSES", (0.0, 0.0))
    config = kubeconfig()
    config["clusters"][0]["cluster"]["server"] = "http://127.0.0.1:1"
    with pytest.raises(ConnectionProblem, match=r"127\.0\.0\.1:1 does not answer") as caught:
        Connection(yaml.safe_dump(config)).client().get("/version")
    assert "0x" not in str(caught.value)


def test_the_token_goes_into_the_header_only() -> None:
    """The token is sent, and neither client nor transport shows it."""
    client = Connection(yaml.safe_dump(kubeconfig())).client()
    transport = log_in(yaml.safe_dump(kubeconfig()), None).transport()
    settings = transport.configuration.auth_settings().values()
    assert [f"Bearer {SECRET}"] == [setting["value"] for setting in settings]
    assert SECRET not in repr(client)
