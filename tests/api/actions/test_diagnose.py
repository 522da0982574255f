"""`python -m components.actions diagnose` on a real API server with controllers, on objects made by anybody."""

import json
import subprocess
import sys
from typing import Any

import pytest

from components.actions.client import Client, Json, Transport, path_of
from components.actions.resize import adopt, plan
from tests.api.actions.live import CPU, SMALL, Killed, KillingTransport, create, eventually, manifest

SERVICE: Json = {"apiVersion": "v1", "kind": "Service"}


def run(lab_cluster: Any, namespace: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as its own process."""
    options = ["--kubeconfig", str(lab_cluster.kubeconfig), "--context", lab_cluster.context, "-n", namespace]
    command = [sys.executable, "-m", "components.actions", "diagnose", *options, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def problems(lab_cluster: Any, namespace: str, *arguments: str) -> dict[str, list[str]]:
    """Return what is wrong, by subject; the exit code says whether anything is."""
    done = run(lab_cluster, namespace, "--json", *arguments)
    found = json.loads(done.stdout)
    assert (1 if found["troubles"] else 0) == done.returncode
    by_subject: dict[str, list[str]] = {}
    for each in found["troubles"]:
        assert each["remedy"]
        by_subject.setdefault(each["subject"].replace(namespace, "ns"), []).append(each["problem"])
    return by_subject


def serve(client: Client, namespace: str, name: str, **spec: Any) -> None:
    """Create a Service of the pods `app: web`."""
    body = {
        **SERVICE,
        "metadata": {"name": name},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}], **spec},
    }
    client.create(path_of("v1", "services", namespace), body)


def test_a_well_namespace_has_nothing(lab_cluster: Any, client: Client, namespace: str) -> None:
    """Exit code 0 and one line; a name that there is not is exit code 2."""
    create(client, manifest(namespace, SMALL))
    serve(client, namespace, "web", ports=[{"port": 80, "targetPort": 8080}])
    done = run(lab_cluster, namespace)

    assert (0, 1) == (done.returncode, len(done.stdout.splitlines())), done.stdout
    assert "nothing is wrong (1 Deployment" in done.stdout
    missing = run(lab_cluster, namespace, "wbe")
    assert 2 == missing.returncode
    assert f"error: Deployment {namespace}/wbe does not exist" in missing.stderr
    nowhere = run(lab_cluster, "no-such-namespace")
    assert (
        2,
        "error: namespace no-such-namespace does not exist: nothing is deployed there, or it is another cluster\n",
    ) == (
        nowhere.returncode,
        nowhere.stderr,
    )


def test_services_that_carry_nothing(lab_cluster: Any, client: Client, namespace: str) -> None:
    """A label and a port that were mistyped, no address, and what a load balancer says of a port in its status."""
    create(client, manifest(namespace, SMALL, container={"ports": [{"name": "http", "containerPort": 8080}]}))
    serve(client, namespace, "label", selector={"app": "wbe"})
    serve(client, namespace, "port", ports=[{"port": 80, "targetPort": "htpp"}])
    serve(client, namespace, "crossed", ports=[{"port": 80, "targetPort": "http", "protocol": "UDP"}])
    serve(client, namespace, "waits", type="LoadBalancer")
    mixed = [{"name": "tcp", "port": 53}, {"name": "udp", "port": 53, "protocol": "UDP"}]
    serve(client, namespace, "refused", type="LoadBalancer", ports=mixed)
    refused = {"port": 53, "protocol": "UDP", "error": "MixedProtocolNotSupported"}
    status = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1", "ports": [{"port": 53, "protocol": "TCP"}, refused]}]}}
    client.patch(path_of("v1", "services", namespace, "refused", "status"), {"status": status})

    assert {
        "Service ns/label": ["its selector app=wbe matches no pod"],
        "Service ns/port": ["port 80/TCP goes to the pods' port 'htpp', which no pod has"],
        "Service ns/crossed": ["port 80/UDP goes to the pods' port 'http', which is TCP: nothing arrives"],
        "Service ns/waits": ["it is of type LoadBalancer and has no address"],
        "Service ns/refused": ["its load balancer does not carry 53/UDP: MixedProtocolNotSupported"],
    } == problems(lab_cluster, namespace)


def test_a_port_that_kubectl_loses(lab_cluster: Any, client: Client, namespace: str, tmp_path: Any) -> None:
    """A second protocol on a number that is there already, applied as kubectl does by default, is dropped (#39188)."""
    ports = [{"name": "tcp", "port": 53, "protocol": "TCP"}]
    body = {**SERVICE, "metadata": {"name": "dns", "namespace": namespace}, "spec": {"selector": {}, "ports": ports}}
    for added in ([], [{"name": "udp", "port": 53, "protocol": "UDP"}]):
        ports += added
        (tmp_path / "service.json").write_text(json.dumps(body))
        command = [str(lab_cluster.kubectl), "--kubeconfig", str(lab_cluster.kubeconfig), "apply", "-f"]
        subprocess.run([*command, str(tmp_path / "service.json")], check=True, capture_output=True)
    kept = client.get(path_of("v1", "services", namespace, "dns"))["spec"]["ports"]

    assert 1 == len(kept)
    (problem,) = problems(lab_cluster, namespace)["Service ns/dns"]
    gone = {"TCP", "UDP"} - {kept[0]["protocol"]}
    assert problem.startswith(f"port 53/{gone.pop()} was applied and is not there")


def test_workloads_that_can_make_no_pods(lab_cluster: Any, client: Client, namespace: str) -> None:
    """A quota, and a RuntimeClass that there is not, for a Deployment, a DaemonSet and a Job."""
    client.create(
        path_of("v1", "resourcequotas", namespace), {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "0"}}}
    )
    web = manifest(namespace, SMALL)
    client.create(path_of("apps/v1", "deployments", namespace), web)
    template = web["spec"]["template"]
    labels = {"matchLabels": template["metadata"]["labels"]}
    daemons = {"metadata": {"name": "log"}, "spec": {"selector": labels, "template": template}}
    client.create(path_of("apps/v1", "daemonsets", namespace), daemons)
    job = {
        "metadata": {"labels": {}},
        "spec": {**template["spec"], "restartPolicy": "Never", "runtimeClassName": "no-such"},
    }
    client.create(path_of("batch/v1", "jobs", namespace), {"metadata": {"name": "once"}, "spec": {"template": job}})
    wanted = {"Deployment ns/web", "DaemonSet ns/log", "Job ns/once"}
    eventually(lambda: {*problems(lab_cluster, namespace)} >= wanted, 20)
    found = problems(lab_cluster, namespace)

    for subject in ("Deployment ns/web", "DaemonSet ns/log"):
        assert any(text.startswith("no pods can be made: ") and "exceeded quota: q" in text for text in found[subject])
    assert "it asks for the RuntimeClass 'no-such', which does not exist" in found["Job ns/once"]
    assert {"DaemonSet ns/log"} == {*problems(lab_cluster, namespace, "ds/log")}


def test_a_resize_that_was_cut_off(lab_cluster: Any, kube: Transport, client: Client, namespace: str) -> None:
    """The journal is found, with the command that ends it."""
    create(client, manifest(namespace, SMALL))
    planned = plan(client, manifest(namespace, CPU))
    with pytest.raises(Killed):
        adopt(Client(KillingTransport(kube, 3)), planned, progress=lambda _line: None, timeout=60)
    done = run(lab_cluster, namespace, "deployment/web")

    text = " ".join(done.stdout.split())
    assert 1 == done.returncode
    assert f"Deployment {namespace}/web is paused in a resize begun at" in text
    assert f"`python -m components.actions resize finish -n {namespace} web`" in text


def test_what_may_not_be_read_is_unknown(lab_cluster: Any, client: Client, namespace: str, tmp_path: Any) -> None:
    """An identity that may list pods alone is told what it sees, and which rights would tell more."""
    broken = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "app", "image": "NOT/valid:"}]}}
    client.create(path_of("v1", "pods", namespace), broken)
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]
    client.create(path_of("v1", "serviceaccounts", namespace), {"metadata": {"name": "reader"}})
    client.create(
        path_of("rbac.authorization.k8s.io/v1", "roles", namespace), {"metadata": {"name": "r"}, "rules": rules}
    )
    binding = {
        "metadata": {"name": "r"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"},
        "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": namespace}],
    }
    client.create(path_of("rbac.authorization.k8s.io/v1", "rolebindings", namespace), binding)
    token = client.create(path_of("v1", "serviceaccounts", namespace, "reader", "token"), {"spec": {}})["status"][
        "token"
    ]
    content = lab_cluster.kubeconfig.read_text()
    config = json.loads(content)
    config["users"] = [{"name": config["users"][0]["name"], "user": {"token": token}}]
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    command = [sys.executable, "-m", "components.actions", "diagnose", "--kubeconfig", str(tmp_path / "kubeconfig")]

    def said() -> tuple[int, str]:
        done = subprocess.run([*command, "-n", namespace], capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, " ".join(done.stdout.split())

    eventually(lambda: "InvalidImageName" in said()[1], 20)
    code, text = said()
    assert 1 == code
    assert f"Pod {namespace}/p pod p, container app: InvalidImageName" in text
    assert (
        f"unknown: the list of services in {namespace} may not be read by this identity -> allow `list` on services"
        in text
    )
    assert "unknown: the list of nodes may not be read by this identity -> allow `list` on nodes" in text
