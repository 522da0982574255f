"""The life of a stack on a real API server: what the official engine was seen to do with such programs."""

import itertools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.engine import Engine, Summary
from lab.engine.cluster import ApiError, Cluster
from lab.engine.state import State
from tests.programs import told

Make = Callable[..., Engine]

PROGRAM = """
class Group(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("test:index:Group", name, {}, opts)

group = Group("group", Options(providers=[provider]))
child = Options(parent=group)
auto = k8s.core.v1.ConfigMap("auto", metadata={"namespace": space}, data={"text": text}, opts=child)
fixed = k8s.core.v1.ConfigMap("fixed", metadata={"namespace": space, "name": "fixed"}, data={"text": text}, opts=child)
secret = k8s.core.v1.Secret(
    "secret", metadata={"namespace": space, "name": "secret"}, string_data={"word": pulumi.Output.secret("hush-hush")},
    opts=child,
)
app = k8s.apps.v1.Deployment(
    "app",
    metadata={
        "namespace": space, "name": "app",
        "annotations": {"pulumi.com/waitFor": "jsonpath={.status.observedGeneration}"},
    },
    spec={
        "replicas": config.get_int("replicas") or 0,
        "selector": {"match_labels": {"app": "app"}},
        "template": {
            "metadata": {"labels": {"app": "app"}},
            "spec": {"containers": [{
                "name": "main", "image": "localhost/none",
                "resources": {"requests": {"cpu": "0.1", "memory": "1024Mi"}},
                "env": [{"name": "FROM", "value_from": {
                    "config_map_key_ref": {"name": auto.metadata.name, "key": "text"}}}],
            }]},
        },
    },
    opts=child,
)
service = k8s.core.v1.Service(
    "service",
    metadata={
        "namespace": space, "name": "service", "annotations": {"pulumi.com/waitFor": "jsonpath={.spec.clusterIP}"},
    },
    spec={
        "selector": {"app": "app"},
        "ports": [{"name": "tcp", "port": 53, "protocol": "TCP"}, {"name": "udp", "port": 53, "protocol": "UDP"}],
    },
    opts=child,
)
if config.get_bool("extra"):
    k8s.core.v1.ConfigMap(
        "extra", metadata={"namespace": space, "name": "extra"}, opts=Options(parent=group, depends_on=[app])
    )
pulumi.export("auto", auto.metadata.name)
pulumi.export("ip", service.spec.cluster_ip)
pulumi.export("word", secret.data["word"])
"""


def ok(summary: Summary) -> dict[str, int]:
    """Return the counts of a run that has to be a good one."""
    assert summary.ok, told(summary)
    return dict(summary.counts)


def test_life_of_a_stack(engine: Make, api: Cluster, namespace: str, tmp_path: Path) -> None:
    """Create, unchanged, replace both ways, update and add, remove, destroy."""
    assert {"create": 8} == ok(engine(PROGRAM).preview())
    assert {"create": 8} == ok(engine(PROGRAM).up())
    outputs = engine(PROGRAM).outputs(show_secrets=True)
    assert outputs["auto"].startswith("auto-")
    assert api.request("GET", f"/api/v1/namespaces/{namespace}/services/service")["spec"]["clusterIP"] == outputs["ip"]
    assert "aHVzaC1odXNo" == outputs["word"]
    assert {"same": 8} == ok(engine(PROGRAM).up())

    preview = engine(PROGRAM, text="two").preview()
    assert {"same": 5, "replace": 2, "update": 1} == ok(preview)
    assert preview.outputs["auto"] not in ("", outputs["auto"])
    assert {"same": 5, "replace": 2, "update": 1} == ok(engine(PROGRAM, text="two").up())
    name = engine(PROGRAM).outputs()["auto"]
    deployment = api.request("GET", f"/apis/apps/v1/namespaces/{namespace}/deployments/app")
    source = deployment["spec"]["template"]["spec"]["containers"][0]["env"][0]["valueFrom"]["configMapKeyRef"]
    assert name == source["name"]
    assert 0 == len([m for m in deployment["metadata"]["managedFields"] if m["manager"] == "pulumi-kubernetes"])
    with pytest.raises(ApiError, match="not found"):
        api.request("GET", f"/api/v1/namespaces/{namespace}/configmaps/{outputs['auto']}")

    more = {"text": "two", "replicas": "1", "extra": "true"}
    assert {"same": 7, "update": 1, "create": 1} == ok(engine(PROGRAM, **more).up())
    assert {"same": 8, "delete": 1} == ok(engine(PROGRAM, **{**more, "extra": "false"}).up())
    state = b"".join(file.read_bytes() for file in (tmp_path / "state").iterdir())
    for word in (b"hush-hush", b"aHVzaC1odXNo", b"client-key-data", b"PRIVATE KEY"):
        assert word not in state
    assert {"delete": 8} == ok(engine(PROGRAM).destroy())
    assert [] == api.request("GET", f"/api/v1/namespaces/{namespace}/secrets")["items"]


def test_state_has_the_official_shape(engine: Make, namespace: str, tmp_path: Path) -> None:
    """Ids, inputs, outputs and dependencies are recorded as in the official export."""
    ok(engine(PROGRAM).up())
    found = {res["urn"].split("::")[-1]: res for res in State(tmp_path / "state", readonly=True).resources.values()}
    auto, app, secret = found["auto"], found["app"], found["secret"]
    name = auto["inputs"]["metadata"]["name"]
    assert f"{namespace}/{name}" == auto["id"]
    assert {"pulumi.com/autonamed": "true"} == auto["inputs"]["metadata"]["annotations"]
    assert auto["inputs"] == auto["outputs"]["__inputs"]
    assert auto["outputs"]["__fieldManager"].startswith("pulumi-kubernetes-")
    assert [auto["urn"]] == app["dependencies"]
    assert {"apiVersion": [], "kind": [], "metadata": [], "spec": [auto["urn"]]} == app["propertyDependencies"]
    resources = app["inputs"]["spec"]["template"]["spec"]["containers"][0]["resources"]
    assert {"requests": {"cpu": "100m", "memory": "1Gi"}} == resources
    assert "stringData" not in secret["inputs"]
    assert ["data", "stringData"] == secret["additionalSecretOutputs"]


NAMESPACE = """
name = pulumi.get_stack() + "-" + space
inner = k8s.core.v1.Namespace("inner", metadata={"name": name}, opts=Options(provider=provider))
inside = k8s.core.v1.ConfigMap("inside", metadata={"namespace": inner.metadata.name}, opts=Options(provider=provider))
pulumi.export("uid", inside.metadata.uid)
pulumi.export("space uid", inner.metadata.uid)
"""


def test_first_preview_without_the_namespace(engine: Make) -> None:
    """A preview knows what the server fills in, and None where the namespace is not there yet."""
    summary = engine(NAMESPACE).preview()
    assert {"create": 4} == ok(summary)
    assert 36 == len(summary.outputs["space uid"])
    assert "uid" not in summary.outputs


def test_namespace_goes_last(engine: Make, api: Cluster, namespace: str) -> None:
    """What is in a namespace goes before the namespace, and the run waits until it is gone."""
    ok(engine(NAMESPACE).up())
    assert {"delete": 4} == ok(engine(NAMESPACE).destroy())
    with pytest.raises(ApiError, match="not found"):
        api.request("GET", f"/api/v1/namespaces/dev-{namespace}")


MUTABLE = """
made = k8s.core.v1.ConfigMap(
    "made", metadata={"namespace": space, "name": "made"}, data={"text": text}, opts=Options(provider=provider)
)
"""


def test_conflict_with_a_foreign_manager(engine: Make, api: Cluster, namespace: str) -> None:
    """A field that somebody else took is a 409 in preview and in up, as with the official provider."""
    ok(engine(MUTABLE, mutable="true").up())
    ok(engine(MUTABLE, mutable="true", text="two").up())
    path = f"/api/v1/namespaces/{namespace}/configmaps/made"
    patch = {"data": {"text": "taken"}}
    api.request("PATCH", path, {"fieldManager": "pulumi-kubernetes"}, {"data": {"text": "ours"}}, "merge-patch+json")
    assert {"same": 2, "update": 1} == ok(engine(MUTABLE, mutable="true", text="three").preview())
    ok(engine(MUTABLE, mutable="true", text="three").up())
    api.request("PATCH", path, {"fieldManager": "somebody"}, patch, "merge-patch+json")
    for run in (engine(MUTABLE, mutable="true", text="four").preview, engine(MUTABLE, mutable="true", text="four").up):
        summary = run()
        assert not summary.ok
        assert 'conflict with "somebody"' in told(summary)


def test_a_busy_writer_is_no_conflict(engine: Make, api: Cluster, namespace: str) -> None:
    """A controller that writes while an update takes over fields does not fail it: no patch names a version."""
    ok(engine(MUTABLE, mutable="true").up())
    path = f"/api/v1/namespaces/{namespace}/configmaps/made"
    ended = threading.Event()

    def write() -> None:
        for number in itertools.count():
            if ended.is_set():
                return
            note = {"metadata": {"annotations": {"seen": str(number)}}}
            api.request("PATCH", path, {"fieldManager": "controller"}, note, "merge-patch+json")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for text in ("two", "three", "four"):
            edit = {"data": {"text": f"before {text}"}}
            api.request("PATCH", path, {"fieldManager": "kubectl-edit"}, edit, "merge-patch+json")
            ok(engine(MUTABLE, mutable="true", text=text).up())
    finally:
        ended.set()
        writer.join()


def test_an_object_that_is_there_already(engine: Make, api: Cluster, namespace: str) -> None:
    """A create does not take over an object of somebody else; a preview does not mind."""
    body = {"metadata": {"name": "made"}, "data": {"text": "theirs"}}
    api.request("POST", f"/api/v1/namespaces/{namespace}/configmaps", None, body)
    assert {"create": 3} == ok(engine(MUTABLE).preview())
    summary = engine(MUTABLE).up()
    assert 'configmaps "made" already exists' in told(summary)
    assert {"create": 2} == dict(summary.counts)


WAITING = """
app = k8s.core.v1.ConfigMap(
    "made", metadata={"namespace": space, "name": "made", "annotations": {
        "pulumi.com/waitFor": "jsonpath={.data.ready}=yes", "pulumi.com/timeoutSeconds": "1"}},
    data={"ready": config.get("ready") or "no"}, opts=Options(provider=provider),
)
k8s.core.v1.ConfigMap(
    "after", metadata={"namespace": space, "name": "after"}, data={"uid": app.metadata.uid},
    opts=Options(provider=provider),
)
"""


def test_what_does_not_become_ready(engine: Make, tmp_path: Path) -> None:
    """A failed wait records the object with its error; the next run updates it although nothing changed."""
    failed = engine(WAITING, mutable="true").up()
    assert "not ready after 1 s: Waiting for {.data.ready}=yes" in told(failed)
    made = State(tmp_path / "state", readonly=True).live("urn:pulumi:dev::demo::kubernetes:core/v1:ConfigMap::made")
    assert made
    assert made[1]["initErrors"]
    assert {"same": 2} == dict(engine(WAITING, mutable="true").up().counts)
    assert {"same": 2, "update": 1, "create": 1} == ok(engine(WAITING, mutable="true", ready="yes").up())
    assert {"same": 4} == ok(engine(WAITING, mutable="true", ready="yes").up())


ZERO = """
deployment = k8s.apps.v1.Deployment(
    "zero",
    metadata={"namespace": space, "name": "zero", "annotations": {"pulumi.com/skipAwait": "true"}},
    spec={
        "replicas": 0,
        "paused": False,
        "min_ready_seconds": 0,
        "selector": {"match_labels": {"app": "zero"}},
        "template": {
            "metadata": {"labels": {"app": "zero"}},
            "spec": {
                "host_network": False,
                "containers": [{
                    "name": "main", "image": "localhost/none", "stdin": False,
                    "env": [{"name": "EMPTY", "value": ""}],
                    "volume_mounts": [{"name": "data", "mount_path": "/data", "read_only": False, "sub_path": ""}],
                }],
                "volumes": [{"name": "data", "empty_dir": {"medium": ""}}],
            },
        },
    },
    opts=Options(provider=provider),
)
"""


def test_zero_values_that_the_server_drops(engine: Make) -> None:
    """A second run changes nothing, although the server tells none of the zero values back."""
    assert {"create": 3} == ok(engine(ZERO).up())
    assert {"same": 3} == ok(engine(ZERO).up())


RECREATED = """
k8s.core.v1.ConfigMap("made", metadata={"namespace": space, "name": "made"}, opts=Options(provider=provider))
"""


def test_an_object_that_somebody_made_anew_stays(engine: Make, api: Cluster, namespace: str) -> None:
    """The own object is gone, and the other one of the same name is not deleted for it."""
    ok(engine(RECREATED).up())
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    api.request("DELETE", f"{path}/made")
    theirs = api.request("POST", path, None, {"metadata": {"name": "made"}})["metadata"]["uid"]
    assert {"delete": 3} == ok(engine(RECREATED).destroy())
    assert theirs == api.request("GET", f"{path}/made")["metadata"]["uid"]


FOLLOWING = """
options = Options(provider=provider)
base = k8s.core.v1.ConfigMap("base", metadata={"namespace": space, "name": "base"}, data={"text": text}, opts=options)
copy = k8s.core.v1.ConfigMap(
    "copy", metadata={"namespace": space, "name": "copy"}, data={"text": base.data["text"]}, opts=options
)
"""


def test_dependents_follow_a_replacement(engine: Make) -> None:
    """What would have to be replaced with it goes before an object that goes first, and both come again."""
    ok(engine(FOLLOWING).up())
    assert {"same": 2, "replace": 2} == ok(engine(FOLLOWING, text="two").preview())
    assert {"same": 2, "replace": 2} == ok(engine(FOLLOWING, text="two").up())
    assert {"same": 4} == ok(engine(FOLLOWING, text="two").up())


RUNTIME = """
k8s.node.v1.RuntimeClass(
    "class", metadata={"name": space}, handler=text,
    opts=Options(provider=provider, replace_on_changes=["handler"], delete_before_replace=True),
)
"""


def test_replace_on_changes(engine: Make) -> None:
    """A property that the provider does not replace for is replaced for when the program says so."""
    ok(engine(RUNTIME).up())
    assert {"same": 2, "replace": 1} == ok(engine(RUNTIME, text="two").up())
    assert {"delete": 3} == ok(engine(RUNTIME).destroy())


def test_foreign_clusters_are_refused(
    engine: Make, api: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A cluster that is not in the lab's registry is touched by neither preview nor up."""
    made = engine(MUTABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    for run in (made.preview, made.up):
        summary = run()
        assert not summary.ok
        assert "not a cluster that the lab made" in told(summary)
        assert "official Pulumi CLI" in told(summary)
    names = {
        item["metadata"]["name"] for item in api.request("GET", f"/api/v1/namespaces/{namespace}/configmaps")["items"]
    }
    assert "made" not in names


def test_an_unreachable_cluster(engine: Make, lab_cluster: Any, tmp_path: Path) -> None:
    """A cluster that does not answer is said in one line."""
    config = yaml.safe_load(lab_cluster.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    file = tmp_path / "unreachable"
    file.write_text(yaml.safe_dump(config))
    summary = engine(MUTABLE, kubeconfig=str(file)).up()
    assert "the API server https://127.0.0.1:1 cannot be reached" in told(summary)
