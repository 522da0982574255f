"""`python -m program preflight|diagnose`: a stack's cluster, asked without deploying."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import program.__main__ as command
from components.actions.connection import Connection
from components.model.facts import Cluster
from program.stackfile import connection_to
from tests.unit.actions.doubles import double_client
from tests.unit.actions.test_login import script
from tests.unit.components.test_target import KUBECONFIG
from tests.unit.model.clusters import cluster, lab_node

PROJECT = """
name: kubernetes-emerging
config:
  patienceSeconds: {type: integer, default: 120}
"""


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Give a project with a stack `dev`, whose cluster is a double's."""
    (tmp_path / "Pulumi.yaml").write_text(PROJECT)
    write(tmp_path, kubeconfig=json.dumps(KUBECONFIG))
    monkeypatch.setattr(command, "ROOT", tmp_path)
    return tmp_path


def write(folder: Path, stack: str = "dev", **config: str) -> None:
    """Write a stack file with these keys, whose values are YAML."""
    lines = "".join(f"  kubernetes-emerging:{key}: {value}\n" for key, value in config.items())
    (folder / f"Pulumi.{stack}.yaml").write_text(f"config:\n{lines}")


def seen(monkeypatch: pytest.MonkeyPatch, facts: Cluster) -> None:
    """Let the cluster tell these facts."""
    monkeypatch.setattr("components.actions.preflight.checking.observe", lambda *_: facts)


@pytest.mark.usefixtures("root")
def test_the_features_are_those_of_the_demos(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table has them all; nothing says no, so the exit code is 0."""
    seen(monkeypatch, cluster(nodes=(lab_node(),)))
    done = CliRunner().invoke(command.app, ["preflight"])

    assert 0 == done.exit_code, done.output
    subjects = [line.split()[0] for line in done.output.splitlines() if line.startswith("  ") and line[2] != " "]
    kinds = ["kind=Deployment", "kind=ConfigMap"]
    assert ["kubernetes", "sidecars", "resize?", *kinds, "mixed-protocol", "cri?"] == subjects[:7]


@pytest.mark.usefixtures("root")
def test_a_no_is_an_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """JSON says the same: what is required and what is not."""
    seen(monkeypatch, cluster(nodes=(lab_node(kubelet="v1.28.2"),)))
    done = CliRunner().invoke(command.app, ["preflight", "--json"])

    assert 1 == done.exit_code
    report = json.loads(done.output)
    assert not report["passed"]
    answers = {each["subject"]: (each["answer"], each["required"]) for each in report["findings"]}
    assert (("no", True), ("no", False)) == (answers["sidecars"], answers["resize"])


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize(("pods", "code"), [([], 0), (["broken"], 1)])
def test_diagnose_looks_at_the_namespace_of_the_stack(
    pods: list[str], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 0 when nothing is wrong, 1 when something is; no other namespace is read."""
    waiting = {"name": "app", "state": {"waiting": {"reason": "InvalidImageName"}}}
    items = [
        {
            "metadata": {"name": name, "namespace": "kubernetes-emerging-dev", "uid": name},
            "spec": {"containers": [{"name": "app"}]},
            "status": {"containerStatuses": [waiting]},
        }
        for name in pods
    ]

    def answer(_method: str, path: str, _body: object) -> tuple[int, object]:
        return 200, {"items": items if "/pods?" in path else []}

    client, transport = double_client(answer)
    monkeypatch.setattr(Connection, "client", lambda _self: client)
    done = CliRunner().invoke(command.app, ["diagnose"])

    assert code == done.exit_code, done.output
    assert done.output.startswith("Diagnosis of kubernetes-emerging-dev: ")
    assert pods == [] or "container app: InvalidImageName" in done.output
    asked = {
        path.split("/namespaces/")[1].split("/")[0] for _m, path, *_ in transport.requests if "/namespaces/" in path
    }
    assert {"kubernetes-emerging-dev"} == asked


@pytest.mark.usefixtures("root")
def test_a_missing_stack_file_is_told() -> None:
    """An error with the remedy, before any cluster is looked for."""
    with pytest.raises(ValueError, match=r"no stack file Pulumi\.prod\.yaml: write one, or name another"):
        CliRunner().invoke(command.app, ["preflight", "--stack", "prod"], catch_exceptions=False)


def test_secrets_and_other_stacks_are_read_by_the_official_cli(
    root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A double of pulumi checks every argument; an encrypted kubeconfig, and one of another stack, are found so."""
    (tmp_path / "secret").write_text(KUBECONFIG)
    (tmp_path / "outputs").write_text(json.dumps({"kubeconfig": KUBECONFIG, "context": "one", "clusterId": "uid"}))
    script(
        tmp_path / "pulumi",
        'case "$*" in\n'
        f'"config get kubernetes-emerging:kubeconfig --stack dev --non-interactive") cat {tmp_path}/secret;;\n'
        f'"stack output --json --show-secrets --stack acme/eks/prod --non-interactive") cat {tmp_path}/outputs;;\n'
        '*) echo "unexpected: $*" >&2; exit 1;;\nesac',
    )
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    write(root, kubeconfig="{secure: AAABAA}")
    seen(monkeypatch, cluster(nodes=(lab_node(),)))
    assert 0 == CliRunner().invoke(command.app, ["preflight"]).exit_code

    found = connection_to({"stack": "acme/eks/prod"})
    assert (KUBECONFIG, "one", "uid") == (found.kubeconfig, found.context, found.cluster_id)
    with pytest.raises(ValueError, match=r"`pulumi stack output .*` failed \(unexpected: .*\): try it by hand"):
        connection_to({"stack": "acme/other/prod"})
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(ValueError, match="no pulumi on PATH: install the official CLI"):
        connection_to({"stack": "acme/eks/prod"})
