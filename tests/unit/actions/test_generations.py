"""Generations of configuration on a double of the API."""

from typing import Any
from urllib.parse import unquote

import pytest

from components.actions import generations
from components.actions.client import Json
from components.actions.errors import ActionError
from components.actions.generations import LABEL, WORKLOAD_LABEL, free_name, hold, own_and_prune, referred
from tests.unit.actions.doubles import container, deployment, double_client, replica_set, template


def config_map(name: str, day: int, owners: list[Json] | None = None, workload: str = "key") -> Json:
    """Return a generation made on that day, of one workload or, with an empty key, of none."""
    return {
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"uid-{name}",
            "resourceVersion": "1",
            "creationTimestamp": f"2026-01-{day:02}T00:00:00Z",
            "labels": {LABEL: "nginx-config", WORKLOAD_LABEL: workload} if workload else {},
            **({"ownerReferences": owners} if owners else {}),
        }
    }


def mounting(name: str) -> Json:
    """Return a template that mounts a ConfigMap."""
    return template(container(), volumes=[{"name": "v", "configMap": {"name": name}}])


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generations, "_PAUSE", 0.01)


OURS = [{"kind": "Deployment", "name": "web", "uid": "uid-web"}]

WEB = {"metadata": {"namespace": "shop", "name": "web"}}


def test_old_generations_go_unless_a_replica_set_needs_them() -> None:
    """The newest stay, a rollback target stays, the rest is deleted with its UID as precondition."""
    old = replica_set("web-bbbb", mounting("g1"), replicas=0)
    old["metadata"]["ownerReferences"] = [{"controller": True, "uid": "uid-web"}]
    maps = [config_map(f"g{day}", day, OURS) for day in range(1, 7)]

    def answer(_method: str, path: str, _body: Any) -> tuple[int, Any]:
        if "/deployments/" in path:
            return 200, deployment(mounting("g6"))
        return 200, {"items": maps if "/configmaps?" in path else [old]}

    client, transport = double_client(answer)
    assert own_and_prune(client, WEB, "nginx-config", "key", keep=3) == ["g3", "g2"]
    deletes = [(path, body["preconditions"]) for method, path, body, _h in transport.requests if method == "DELETE"]
    assert deletes[0] == ("/api/v1/namespaces/shop/configmaps/g3", {"uid": "uid-g3"})


def test_generations_get_their_deployment_as_owner() -> None:
    """One without owner, or of an earlier Deployment, is ours; one that another kind of object owns is left alone."""
    earlier = [{"kind": "Deployment", "name": "web", "uid": "uid-earlier"}]
    others = [{"kind": "Job", "name": "api", "uid": "uid-api"}]
    maps = [config_map("free", 1), config_map("stale", 2, earlier), config_map("foreign", 3, others)]

    def answer(_method: str, path: str, _body: Any) -> tuple[int, Any]:
        if "/deployments/" in path:
            return 200, deployment(mounting("free"))
        return 200, {"items": maps if "/configmaps?" in path else []}

    client, transport = double_client(answer)
    assert own_and_prune(client, WEB, "nginx-config", "key", keep=0) == ["stale"]
    patched = {
        path.rsplit("/")[-1].split("?")[0]: body for method, path, body, _h in transport.requests if method == "PATCH"
    }
    assert set(patched) == {"free", "stale"}
    assert patched["free"]["metadata"]["ownerReferences"][0]["uid"] == "uid-web"
    asked = next(unquote(path) for _m, path, _b, _h in transport.requests if "/configmaps?" in path)
    assert f"labelSelector={LABEL}=nginx-config,{WORKLOAD_LABEL}=key" in asked


def test_free_name_deletes_only_what_is_this_workloads() -> None:
    """The labels decide, whichever Deployment owns it; another workload's, and anybody else's, is left alone."""
    found: dict[str, Json] = {
        "ours": config_map("ours", 1, OURS),
        "unowned": config_map("unowned", 1),
        "unlabelled": config_map("unlabelled", 1, OURS, workload=""),
        "foreign": config_map("foreign", 1, workload="other"),
        "half": config_map("half", 1),
    }
    del found["half"]["metadata"]["labels"][LABEL]

    def answer(method: str, path: str, _body: Any) -> tuple[int, Any]:
        name = path.rsplit("/", 1)[-1]
        if name not in found:
            return 404, {}
        return 200, found[name] if method == "GET" else {}

    client, transport = double_client(answer)
    freed = [name for name in (*found, "absent") if free_name(client, "shop", name, "key")]
    assert freed == ["ours", "unowned"]
    deleted = [path.rsplit("/", 1)[-1] for method, path, _b, _h in transport.requests if method == "DELETE"]
    assert deleted == ["ours", "unowned"]


def test_hold_makes_what_is_gone_and_frees_what_would_go() -> None:
    """A missing one is made, one that goes is waited for, owners that keep pods are let go, others stay."""
    going = config_map("going", 1)
    going["metadata"]["deletionTimestamp"] = "now"
    live: dict[str, list[Json | None]] = {
        "missing": [None],
        "going": [going, None],
        "owned": [
            config_map("owned", 1, [*OURS, {"kind": "Pod", "name": "j", "uid": "uid-j"}]),
            config_map("owned", 1, [{"kind": "Pod", "name": "j", "uid": "uid-j"}]),
        ],
        "foreign": [config_map("foreign", 1, OURS, workload="other")],
    }

    def answer(method: str, path: str, _body: Any) -> tuple[int, Any]:
        if method != "GET":
            return 200, {}
        states = live[path.rsplit("/", 1)[-1]]
        state = states.pop(0) if len(states) > 1 else states[0]
        return (200, state) if state else (404, {})

    client, transport = double_client(answer)
    for name in live:
        hold(client, config_map(name, 1))

    changes = [(method, path, body) for method, path, body, _h in transport.requests if method != "GET"]
    assert [change[0] for change in changes] == ["POST", "POST", "PATCH"]
    assert changes[2][1].split("?")[0].endswith("/configmaps/owned")
    assert changes[2][2]["metadata"]["ownerReferences"] == [{"kind": "Pod", "name": "j", "uid": "uid-j"}]
    assert changes[2][2]["metadata"]["resourceVersion"] == "1"


@pytest.mark.parametrize("status", [409, 404, 200], ids=["changed meanwhile", "gone meanwhile", "deleted right after"])
def test_hold_wins_against_the_garbage_collector(status: int) -> None:
    """Whatever lands between reading, letting go and looking again: in the end it is there and free."""
    going = config_map("g", 1, OURS)
    going["metadata"]["deletionTimestamp"] = "now"
    after: dict[int, list[Json | None]] = {
        409: [config_map("g", 1, OURS), config_map("g", 1)],
        404: [None, config_map("g", 1)],
        200: [going, None, config_map("g", 1)],
    }
    states, patches = [config_map("g", 1, OURS), *after[status]], [status, 200]

    def answer(method: str, _path: str, _body: Any) -> tuple[int, Any]:
        if method == "GET":
            state = states.pop(0)
            return (200, state) if state else (404, {})
        return patches.pop(0) if method == "PATCH" else 200, {}

    client, transport = double_client(answer)
    hold(client, config_map("g", 1))
    changes = [method for method, *_rest in transport.requests if method != "GET"]
    assert changes == (["PATCH", "PATCH"] if status == 409 else ["PATCH", "POST"])


def test_hold_gives_up_on_a_deletion_without_end() -> None:
    """A finalizer that nobody removes is named as what to look at."""
    going = config_map("g", 1)
    going["metadata"]["deletionTimestamp"] = "now"
    client, _ = double_client(lambda _method, _path, _body: (200, going))
    with pytest.raises(ActionError, match="shop/g is still being deleted after 0 s: look at its finalizers"):
        hold(client, config_map("g", 1), timeout=0.05)


def test_every_way_to_refer_to_a_config_map_counts() -> None:
    """Volumes, projected volumes, env and envFrom, in init containers too."""
    spec = {
        "volumes": [
            {"configMap": {"name": "a"}},
            {"projected": {"sources": [{"configMap": {"name": "b"}}, {"secret": {"name": "no"}}]}},
        ],
        "containers": [{"envFrom": [{"configMapRef": {"name": "c"}}]}],
        "initContainers": [{"env": [{"valueFrom": {"configMapKeyRef": {"name": "d", "key": "k"}}}]}],
    }
    assert set(referred(spec)) == {"a", "b", "c", "d"}
