"""Resource options on a real API server: aliases, ignore_changes, timeouts, protection, hooks that try again."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.engine import Engine, Summary
from lab.engine.cluster import Cluster
from lab.engine.state import State
from tests.api.engine.killing import EVERY
from tests.programs import told

Make = Callable[..., Engine]


def ok(summary: Summary) -> dict[str, int]:
    """Return the counts of a run that went well."""
    assert summary.ok, told(summary)
    return dict(summary.counts)


def urns(folder: Path) -> dict[str, str]:
    """Return the UIDs of the recorded objects by their URNs."""
    resources = State(folder / "state", readonly=True).resources.values()
    return {
        resource["urn"].removeprefix("urn:pulumi:dev::demo::"): resource["outputs"]["metadata"]["uid"]
        for resource in resources
        if resource["type"].startswith("kubernetes:")
    }


BEFORE = """
class Group(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("test:index:Group", name, {}, opts)

group = Group("group", Options(providers=[provider]))
def made(name, opts):
    return k8s.core.v1.ConfigMap(name, metadata={"namespace": space}, data={"text": text}, opts=opts)
child = made("group-child", Options(parent=group))
alone = made("alone", Options(provider=provider))
moved = made("moved", Options(provider=provider))
full = made("full", Options(provider=provider))
user = k8s.core.v1.ConfigMap(
    "user", metadata={"namespace": space, "name": "user"}, data={"from": alone.metadata.name},
    opts=Options(parent=group),
)
"""
AFTER = """
class Team(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("test:index:Team", name, {}, opts)

team = Team("team", Options(providers=[provider], aliases=[pulumi.Alias(name="group", type_="test:index:Group")]))
def made(name, opts):
    return k8s.core.v1.ConfigMap(name, metadata={"namespace": space}, data={"text": text}, opts=opts)
child = made("team-child", Options(parent=team))
alone = made("lonely", Options(provider=provider, aliases=[pulumi.Alias(name="alone")]))
moved = made("moved", Options(parent=team, aliases=[pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)]))
full = made(
    "whole",
    Options(provider=provider, aliases=["urn:pulumi:dev::demo::kubernetes:core/v1:ConfigMap::full"]),
)
user = k8s.core.v1.ConfigMap(
    "user", metadata={"namespace": space, "name": "user"}, data={"from": alone.metadata.name},
    opts=Options(parent=team),
)
"""


def test_aliases_keep_objects(engine: Make, tmp_path: Path) -> None:
    """Renamed by name, type, parent, full URN and inheritance: the same objects under new URNs, in a preview, too."""
    assert {"create": 8} == ok(engine(BEFORE).up())
    before = urns(tmp_path)
    assert {"same": 8} == ok(engine(AFTER).preview())
    assert before == urns(tmp_path)
    assert {"same": 8} == ok(engine(AFTER).up())
    after = urns(tmp_path)
    kind = "kubernetes:core/v1:ConfigMap"
    assert {
        f"test:index:Team${kind}::team-child": before[f"test:index:Group${kind}::group-child"],
        f"{kind}::lonely": before[f"{kind}::alone"],
        f"test:index:Team${kind}::moved": before[f"{kind}::moved"],
        f"{kind}::whole": before[f"{kind}::full"],
        f"test:index:Team${kind}::user": before[f"test:index:Group${kind}::user"],
    } == after
    state = State(tmp_path / "state", readonly=True)
    known = {resource["urn"] for resource in state.resources.values()}
    for resource in state.resources.values():
        assert {*resource.get("dependencies", []), resource.get("parent", "")} - {""} <= known
    assert {"same": 8} == ok(engine(AFTER).up())


@EVERY
def test_an_alias_and_a_change(engine: Make, tmp_path: Path) -> None:
    """A renamed resource that changes is updated, or replaced, as itself."""
    ok(engine(BEFORE, mutable="true").up())
    before = urns(tmp_path)
    assert {"same": 4, "update": 4} == ok(engine(AFTER, mutable="true", text="two").up())
    assert sorted(before.values()) == sorted(urns(tmp_path).values())


def test_an_alias_for_two(engine: Make) -> None:
    """Two resources cannot both have been the same one."""
    ok(engine(BEFORE).up())
    twice = (
        AFTER + 'made("second", Options(provider=provider, aliases=[pulumi.Alias(name="alone")], depends_on=[alone]))'
    )
    summary = engine(twice).preview()
    assert not summary.ok
    assert "has the alias" in told(summary)


CHAIN = """
options = Options(provider=provider)
base = k8s.core.v1.ConfigMap("base", metadata={"namespace": space, "name": "base"}, data={"text": text}, opts=options)
name = config.require("name")
k8s.core.v1.ConfigMap(
    name, metadata={"namespace": space, "name": "copy"}, data={"text": base.data["text"]},
    opts=Options(provider=provider, aliases=[pulumi.Alias(name="copy")]),
)
"""


def test_an_alias_of_what_goes_first(engine: Make, api: Cluster, namespace: str) -> None:
    """A renamed resource that has to go before what it stands on goes, and comes again under its new URN."""
    ok(engine(CHAIN, name="copy").up())
    assert {"same": 2, "replace": 2} == ok(engine(CHAIN, name="renamed", text="two").preview())
    assert {"same": 2, "replace": 2} == ok(engine(CHAIN, name="renamed", text="two").up())
    assert ["base", "copy"] == names(api, namespace)
    assert {"same": 4} == ok(engine(CHAIN, name="renamed", text="two").up())


SCALED = """
app = k8s.apps.v1.Deployment(
    "app",
    metadata={
        "namespace": space, "name": "app", "annotations": {"pulumi.com/skipAwait": "true"}, "labels": {"text": text},
    },
    spec={
        "replicas": config.get_int("replicas") or 0,
        "selector": {"match_labels": {"app": "app"}},
        "template": {
            "metadata": {"labels": {"app": "app"}},
            "spec": {"containers": [
                {"name": "one", "image": config.get("image") or "localhost/none"},
                {"name": "two", "image": config.get("image") or "localhost/none"},
            ]},
        },
    },
    opts=Options(provider=provider, ignore_changes=config.require_object("ignored")),
)
pulumi.export("replicas", app.spec.replicas)
"""


def test_ignored_changes(engine: Make, api: Cluster, namespace: str) -> None:
    """What is ignored stays as it is, be it the program's change or, after a refresh, somebody else's."""
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/app"
    ignored = '["spec.replicas", "spec.template.spec.containers[*].image"]'
    ok(engine(SCALED, ignored=ignored).up())
    assert {"same": 3} == ok(engine(SCALED, ignored=ignored, replicas="2", image="localhost/other").up())
    scale = {"spec": {"replicas": 3}}
    api.request("PATCH", f"{path}/scale", {"fieldManager": "scaler"}, scale, "merge-patch+json")
    assert {"same": 2, "update": 1} == ok(engine(SCALED, ignored=ignored, text="two", replicas="1").preview())
    assert {"same": 2, "update": 1} == ok(engine(SCALED, ignored=ignored, text="two", replicas="1").up())
    live = api.request("GET", path)
    assert (3, "two") == (live["spec"]["replicas"], live["metadata"]["labels"]["text"])
    ok(engine(SCALED, ignored=ignored, text="two").refresh())
    assert {"same": 3} == ok(engine(SCALED, ignored=ignored, text="two").up())
    image = ["spec.template.spec.containers[1].image"]
    one_of_two = engine(SCALED, ignored=str(image).replace("'", '"'), text="two", replicas="3", image="localhost/other")
    assert {"same": 2, "update": 1} == ok(one_of_two.up())
    containers = api.request("GET", path)["spec"]["template"]["spec"]["containers"]
    assert ["localhost/other", "localhost/none"] == [container["image"] for container in containers]


def test_an_ignored_path_that_leads_nowhere(engine: Make) -> None:
    """It is an error in preview and up, with the path."""
    ok(engine(SCALED, ignored="[]").up())
    ignored = '["spec.template.spec.containers[7].image"]'
    for run in (engine(SCALED, ignored=ignored).preview, engine(SCALED, ignored=ignored).up):
        assert "'spec.template.spec.containers[7].image'" in told(run())


SLOW = """
def made(name, wanted, **timeouts):
    return k8s.core.v1.ConfigMap(
        name,
        metadata={"namespace": space, "name": name, "finalizers": ["tests.invalid/held"] if name == "held" else [],
                  "annotations": {"pulumi.com/waitFor": "jsonpath={.data.ready}=" + wanted}},
        data={"ready": "no"}, opts=Options(provider=provider, custom_timeouts=pulumi.CustomTimeouts(**timeouts)),
    )
if config.get("held") != "gone":
    made("held", "no", delete="1s")
if config.get("slow"):
    made("slow", config.require("slow"), create="1s", update="500ms")
"""


def test_custom_timeouts(engine: Make, api: Cluster, namespace: str) -> None:
    """Create, update and delete wait as long as the program says, each for itself."""
    created = engine(SLOW, mutable="true", slow="yes").up()
    assert "not ready after 1 s" in told(created)
    assert 1.0 <= created.seconds < 10.0
    updated = engine(SLOW, mutable="true", slow="yes").up()
    assert "not ready after 0 s" in told(updated) or "not ready after 0.5 s" in told(updated)
    deleted = engine(SLOW, mutable="true", held="gone").up()
    assert "still being deleted (finalizers: tests.invalid/held)" in told(deleted)
    release = [{"op": "remove", "path": "/metadata/finalizers"}]
    api.request("PATCH", f"/api/v1/namespaces/{namespace}/configmaps/held", None, release, "json-patch+json")
    assert {"same": 2, "delete": 1} == ok(engine(SLOW, mutable="true", held="gone").up())


@EVERY
def test_a_malformed_timeout(engine: Make) -> None:
    """It is named before anything is done."""
    assert "'soon' is no duration" in told(engine(SLOW.replace("1s", "soon"), mutable="true").preview())


KEPT = """
k8s.core.v1.ConfigMap(
    "held", metadata={"namespace": space, "name": config.get("name") or "held"}, data={"text": text},
    opts=Options(provider=provider, protect=config.get_bool("protect")),
)
if not config.get_bool("gone"):
    k8s.core.v1.ConfigMap(
        "kept", metadata={"namespace": space}, data={"text": text},
        opts=Options(provider=provider, retain_on_delete=True, delete_before_replace=config.get_bool("first")),
    )
"""


def names(api: Cluster, namespace: str) -> list[str]:
    """Return the names of the namespace's ConfigMaps, cut at the first dash, without the cluster's own."""
    items: list[Any] = api.request("GET", f"/api/v1/namespaces/{namespace}/configmaps")["items"]
    return sorted(
        item["metadata"]["name"].split("-")[0] for item in items if item["metadata"]["name"] != "kube-root-ca.crt"
    )


def test_protected_resources(engine: Make, api: Cluster, namespace: str) -> None:
    """Neither destroyed nor replaced, and nothing else is destroyed beside the refusal; unprotected, they go."""
    ok(engine(KEPT, protect="true").up())
    destroyed = engine(KEPT, protect="true").destroy()
    assert "cannot be deleted because it is protected" in told(destroyed)
    assert {} == dict(destroyed.counts)
    replaced = engine(KEPT, protect="false", name="other").up()
    assert "would have to be replaced, and it is protected" in told(replaced)
    assert ["held", "kept"] == names(api, namespace)
    ok(engine(KEPT, protect="false").up())
    ok(engine(KEPT).destroy())
    assert ["kept"] == names(api, namespace)


@pytest.mark.parametrize("first", [pytest.param("false", marks=EVERY), "true"])
def test_retained_resources(engine: Make, api: Cluster, namespace: str, first: str) -> None:
    """A retained object stays when its resource is replaced in either order, and when it leaves the program."""
    ok(engine(KEPT, first=first).up())
    assert {"same": 2, "replace": 2} == ok(engine(KEPT, first=first, text="two").up())
    assert ["held", "kept", "kept"] == names(api, namespace)
    assert {"same": 3, "delete": 1} == ok(engine(KEPT, first=first, text="two", gone="true").up())
    assert ["held", "kept", "kept"] == names(api, namespace)


RETRIED = """
import os

async def again(args):
    pulumi.log.info(" ".join([
        args.failed_operation, args.name, args.id or "-", str(len(args.errors)),
        str(args.new_inputs is not None), str(args.old_inputs is not None), str(args.old_outputs is not None),
    ]))
    if config.get("raise"):
        raise RuntimeError("the hook itself")
    if len(args.errors) >= config.get_int("tries"):
        return False
    if len(args.errors) >= config.get_int("after"):
        open("go", "w").close()
    return True

hook = pulumi.ErrorHook("again", again)
other = pulumi.ErrorHook("never", lambda args: False)
import pulumi_command as command
command.local.Command(
    "flaky", create="test -e go", update="test -e go", delete="test -e go", triggers=[], environment={"A": text},
    opts=Options(hooks=pulumi.ResourceHookBinding(on_error=[other, hook])),
) if not config.get_bool("gone") else None
"""


def test_error_hooks(engine: Make, tmp_path: Path) -> None:
    """A hook that says so gets another try, with all errors so far; create, update and delete alike."""

    def calls(summary: Summary) -> list[str]:
        return [found.message for found in summary.diagnostics if " flaky " in found.message]

    given = {"after": "2", "tries": "9"}
    created = engine(RETRIED, **given).up()
    assert {"create": 3} == ok(created)
    assert ["create flaky - 1 True False False", "create flaky - 2 True False False"] == calls(created)
    (tmp_path / "go").unlink()
    updated = engine(RETRIED, **given, text="two").up()
    assert {"same": 2, "update": 1} == ok(updated)
    (flaky,) = [
        found["id"]
        for found in State(tmp_path / "state", readonly=True).resources.values()
        if found["urn"].endswith("flaky")
    ]
    assert [f"update flaky {flaky} {n} True True True" for n in (1, 2)] == calls(updated)
    (tmp_path / "go").unlink()
    deleted = engine(RETRIED, **given, gone="true").up()
    assert {"same": 2, "delete": 1} == ok(deleted)
    assert [f"delete flaky {flaky} {n} False True True" for n in (1, 2)] == calls(deleted)


def test_error_hooks_that_give_up(engine: Make, tmp_path: Path) -> None:
    """The last error is the step's when no hook wants another try; a hook's own failure is told beside it."""
    given = {"after": "9", "tries": "3"}
    assert {"create": 3} == ok(engine(RETRIED, **given).preview())
    failed = engine(RETRIED, **given).up()
    assert 'exit status 1: running "test -e go"' in told(failed)
    assert 3 == told(failed).count("create flaky -")
    raised = engine(RETRIED, **given, **{"raise": "true"}).up()
    assert 'error hook "again" failed: ' in told(raised)
    assert "the hook itself" in told(raised)
    assert {"create": 2} == dict(failed.counts)
    state = State(tmp_path / "state", readonly=True)
    assert {} == state.operations
    assert not [found for found in state.resources.values() if found["urn"].endswith("flaky")]


PARTIAL = """
async def again(args):
    pulumi.log.info(f"{args.failed_operation}: {args.errors[0]}")
    return len(args.errors) == 1
k8s.core.v1.ConfigMap(
    "made", metadata={"namespace": space, "name": "made", "annotations": {
        "pulumi.com/waitFor": "jsonpath={.data.ready}=yes", "pulumi.com/timeoutSeconds": "1"}},
    data={"ready": "no"},
    opts=Options(provider=provider, hooks=pulumi.ResourceHookBinding(on_error=[pulumi.ErrorHook("again", again)])),
)
"""


def test_an_error_hook_on_an_object_that_is_not_ready(engine: Make, tmp_path: Path) -> None:
    """Another try sends the create again, which meets the object; that stays recorded all the same."""
    summary = engine(PARTIAL).up()
    assert not summary.ok
    assert "create: not ready after 1 s" in told(summary)
    assert "already exists" in told(summary)
    assert ["kubernetes:core/v1:ConfigMap::made"] == list(urns(tmp_path))
