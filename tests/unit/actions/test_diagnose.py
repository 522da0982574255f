"""`diagnose`: each check on objects as a server lists them, and what is told where something may not be read."""

import json
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from components.actions.__main__ import run
from components.actions.client import Items, Json
from components.actions.connection import Connection
from components.actions.diagnose import Diagnosis, Target, diagnose, parse_target, render
from components.actions.diagnose.checks import CHECKS
from components.actions.errors import ActionError
from tests.unit.actions.doubles import (
    container,
    deployment,
    double_client,
    member,
    pod,
    replica_set,
    stateful_set,
    template,
)

TEMPLATE = template(container(ports=[{"name": "http", "containerPort": 8080}]))
KUBECONFIG = (
    '{"clusters": [{"name": "c", "cluster": {"server": "https://c.invalid"}}], "current-context": "lab",'
    ' "contexts": [{"name": "lab", "context": {"cluster": "c"}}]}'
)


def owned(item: Json, uid: str) -> Json:
    """Return the object as one that another controls."""
    item["metadata"]["ownerReferences"] = [{"controller": True, "uid": uid}]
    return item


def web(*pods: Json, pod_template: Json = TEMPLATE) -> dict[str, Items]:
    """Return the lists of a namespace with one Deployment and these pods of it."""
    current = owned(replica_set("web-aaaa", pod_template), "uid-web")
    for each in pods:
        each["metadata"]["labels"] = {"app": "web"}
        owned(each, "uid-web-aaaa")
    current["spec"]["selector"] = {"matchLabels": {"app": "web"}}
    return {"deployments": [deployment(pod_template)], "replicasets": [current], "pods": list(pods)}


def looked(
    lists: Mapping[str, Items | int], target: str = "", log: str = "", answers: Mapping[str, Any] | None = None
) -> Diagnosis:
    """Return the diagnosis of a namespace `shop` with these lists; a number in place of one is a refusal."""

    def answer(_method: str, path: str, _body: Any) -> tuple[int, Any]:
        where, _, _query = path.partition("?")
        if where in (answers or {}):
            return 200, (answers or {})[where]
        if where.endswith("/log"):
            return 200, log.encode()
        if where == "/api/v1/namespaces/shop":
            return 404, {}
        found = lists.get(where.rpartition("/")[2], [])
        return (found, {"message": "no"}) if isinstance(found, int) else (200, {"items": found})

    client, transport = double_client(answer)
    found = diagnose(client, ["shop"], parse_target(target) if target else None)
    assert {"GET"} == {method for method, *_ in transport.requests}
    return found


def told(found: Diagnosis) -> list[tuple[str, str]]:
    """Return subject and problem of each trouble."""
    return [(each.subject, each.problem) for each in found.troubles]


def service(**spec: Any) -> Json:
    """Return a Service of the pods; keywords become its spec, `status` and `applied` apart."""
    metadata: Json = {"name": "web", "namespace": "shop", "uid": "uid-svc"}
    status = spec.pop("status", {})
    if applied := spec.pop("applied", None):
        metadata["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(applied)}
    ports = [{"name": "http", "port": 80, "targetPort": "http"}]
    return {"metadata": metadata, "spec": {"selector": {"app": "web"}, "ports": ports, **spec}, "status": status}


def crashing(name: str) -> Json:
    """Return a pod in a crash loop."""
    made = pod(name, TEMPLATE, ready=False)
    last = {"terminated": {"exitCode": 3, "reason": "Error"}}
    state = {"waiting": {"reason": "CrashLoopBackOff"}}
    made["status"]["containerStatuses"][0] |= {"state": state, "lastState": last, "restartCount": 4}
    return made


def event(reason: str, message: str, uid: str, **fields: Any) -> Json:
    """Return a warning about the object of this UID."""
    about = {"uid": uid, **fields.pop("about", {})}
    at = "2026-01-01T00:00:00Z"
    return {
        "type": "Warning",
        "reason": reason,
        "message": message,
        "lastTimestamp": at,
        "involvedObject": about,
    } | fields


def test_nothing_is_wrong_with_what_is_well() -> None:
    """One line, with what was looked at."""
    found = looked({**web(pod("web-1", TEMPLATE)), "services": [service()]})

    assert [] == told(found)
    assert "Diagnosis of shop: nothing is wrong (1 Deployment, 1 Service, 1 pod)" == render(found)


def test_pods_of_one_owner_that_fail_alike_are_told_once() -> None:
    """With role, exit code, log and remedy of the first; all of them are among the objects."""
    found = looked(web(crashing("web-1"), crashing("web-2"), crashing("web-3")), log="no database\n")

    (trouble,) = found.troubles
    assert ("pods", "Deployment shop/web", True) == (trouble.check, trouble.subject, trouble.certain)
    words = "pod web-1, container app: CrashLoopBackOff; exit code 3; Error, ended 5 times; last log: no database"
    assert f"{words} (and 2 more pods alike)" == trouble.problem
    assert "see its log" == trouble.remedy
    assert {"Pod shop/web-3", "ReplicaSet shop/web-aaaa", "Deployment shop/web"} < {*trouble.objects}
    assert "      -> see its log" in render(found).splitlines()


def test_what_may_yet_come_is_told_as_such() -> None:
    """A readiness probe that fails may succeed; exit code and JSON count it all the same."""
    slow = pod("web-1", TEMPLATE, ready=False)
    found = looked(web(slow))

    assert [False] == [each.certain for each in found.troubles]
    assert "(may yet come to be well)" in " ".join(render(found).split())
    assert not found.to_json()["well"]


@pytest.mark.parametrize(
    ("target", "kept"),
    [
        ("web", True),
        ("deploy/web", True),
        ("pod/web-1", True),
        ("rs/web-aaaa", True),
        ("pods/web-2", False),
        ("services/web", False),
    ],
)
def test_one_object_is_told_of_alone(target: str, kept: bool) -> None:
    """What concerns it or what it controls; a Service has troubles of its own."""
    lists = {**web(crashing("web-1"), pod("web-2", TEMPLATE)), "services": [service()]}

    assert kept == bool(looked(lists, target).troubles)


def test_names_that_there_are_not_are_no_good_news() -> None:
    """A mistyped name, kind or namespace, and a namespace of which nothing may be read, are errors."""
    with pytest.raises(ActionError, match="Deployment shop/wbe does not exist"):
        looked(web(), "wbe")
    with pytest.raises(ActionError, match="namespace shop does not exist"):
        looked({})
    with pytest.raises(ActionError, match="nothing may be read in namespace shop"):
        looked(
            dict.fromkeys(
                (
                    "pods",
                    "events",
                    "services",
                    "deployments",
                    "replicasets",
                    "statefulsets",
                    "daemonsets",
                    "jobs",
                    "cronjobs",
                ),
                403,
            )
        )
    with pytest.raises(ActionError, match="the list of services in shop may not be read"):
        looked({**web(), "services": 403}, "svc/web")
    with pytest.raises(
        ValueError, match="'node/x' is nothing to look at: write KIND/NAME, where KIND is one of cronjob"
    ):
        parse_target("node/x")
    assert Target("daemonsets", "DaemonSet", "log") == parse_target("ds/log")


def test_what_may_not_be_read_is_unknown() -> None:
    """The rest is told; the right that lacks is named."""
    found = looked({**web(crashing("web-1")), "services": 403, "nodes": 403})

    assert 1 == len(found.troubles)
    assert [
        "the list of services in shop may not be read by this identity",
        "the list of nodes may not be read by this identity",
    ] == [each.why for each in found.unknown]
    assert "unknown: the list of nodes may not be read by this identity -> allow `list` on nodes" in render(found)
    blind = looked({**web(), "pods": 403, "services": [service()]})
    assert [] == told(blind)


def test_events_tell_of_mounts_probes_and_hooks() -> None:
    """What no status has: a missing volume, restarts by a liveness probe, a preStop hook that failed."""
    stuck, flapping, other = (
        pod("web-1", TEMPLATE, ready=False),
        pod("web-2", TEMPLATE),
        pod("web-3", TEMPLATE, ready=False),
    )
    stuck["status"] = {"phase": "Pending", "containerStatuses": []}
    other["status"] = {"phase": "Pending", "conditions": []}
    about = {"fieldPath": "spec.containers{app}"}
    events = [
        event("FailedMount", 'failed for volume "x" : secret "s" not found', "uid-web-1"),
        event("Killing", "Container app failed liveness probe, will be restarted", "uid-web-2", about=about, count=3),
        event("Unhealthy", "Liveness probe failed: refused", "uid-web-2", about=about),
        event("FailedPreStopHook", "PreStopHook failed", "uid-web-2", about=about),
        event("FailedAttachVolume", "Multi-Attach error", "uid-web-3"),
    ]
    found = looked({**web(stuck, flapping, other), "events": events})

    problems = [each.problem for each in found.troubles]
    assert 'pod web-1: FailedMount; failed for volume "x" : secret "s" not found' == problems[0]
    restarted = "its liveness probe has had it restarted 3 times; the probe was told: refused"
    assert f"pod web-2, container app: LivenessProbeFailed; {restarted}" in problems
    assert "pod web-2, container app: FailedPreStopHook; PreStopHook failed" in problems
    assert "pod web-3: FailedAttachVolume; Multi-Attach error" in problems


def test_a_sidecar_that_the_cluster_made_ordinary_is_told() -> None:
    """Between template and pod, and between what was applied and the template."""
    sidecar, stripped = container("proxy", restartPolicy="Always"), container("proxy")
    asked = template(container(), init=[sidecar])
    lists = web(pod("web-1", template(container(), init=[stripped])), pod_template=asked)
    assert (
        "RestartPolicyDropped; the cluster dropped restartPolicy: Always of sidecar proxy" in told(looked(lists))[0][1]
    )

    lists = web(pod_template=template(container(), init=[stripped]))
    applied = json.dumps({"spec": {"template": asked}})
    lists["deployments"][0]["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": applied}
    assert "which the program asked for" in told(looked(lists))[0][1]


def test_workloads_that_make_no_pods_or_have_failed() -> None:
    """A pause, a quota, a StatefulSet that waits for a hand, Jobs that are over; what went well since is not told."""
    lists = web()
    lists["deployments"][0]["spec"]["paused"] = True
    lists["deployments"][0]["status"]["updatedReplicas"] = 0
    failure = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: q"}
    lists["replicasets"][0]["status"]["conditions"] = [failure]
    held = stateful_set(TEMPLATE, updateStrategy={"type": "OnDelete"})
    held["status"]["updatedReplicas"] = 1
    job: Json = {"metadata": {"name": "once", "namespace": "shop", "uid": "uid-job"}, "spec": {"template": TEMPLATE}}
    job["status"] = {
        "conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "m"}]
    }
    log = {"metadata": {"name": "log", "namespace": "shop", "uid": "uid-ds"}, "spec": {"template": TEMPLATE}}
    mended = {"metadata": {"name": "ok", "namespace": "shop", "uid": "uid-ok"}, "spec": {"template": TEMPLATE}}
    events = [
        event("FailedCreate", 'pods "log-" is forbidden: violates PodSecurity', "uid-ds"),
        event("FailedCreate", "a moment", "uid-ok"),
        event("SuccessfulCreate", "Created pod", "uid-ok", type="Normal", lastTimestamp="2026-01-01T00:00:09Z"),
    ]
    found = looked({**lists, "statefulsets": [held], "jobs": [job], "daemonsets": [log, mended], "events": events})

    assert [
        ("Deployment shop/web", "it is paused"),
        ("Deployment shop/web", "no pods can be made: exceeded quota: q"),
        ("StatefulSet shop/db", "its updateStrategy is OnDelete"),
        ("DaemonSet shop/log", 'no pods can be made: pods "log-" is forbidden'),
        ("Job shop/once", "it has failed: BackoffLimitExceeded: m"),
    ] == [(subject, next(w for w in WORDS if problem.startswith(w))) for subject, problem in told(found)]


WORDS = (
    "it is paused",
    "no pods can be made: exceeded quota: q",
    "its updateStrategy is OnDelete",
    'no pods can be made: pods "log-" is forbidden',
    "it has failed: BackoffLimitExceeded: m",
)


@pytest.mark.parametrize(
    ("spec", "problem", "remedy"),
    [
        ({"selector": {"app": "wbe"}}, "its selector app=wbe matches no pod", "pods here have app=web"),
        ({"selector": {"tier": "x"}}, "its selector tier=x matches no pod", "a workload's match_labels"),
        (
            {"ports": [{"port": 80, "targetPort": "htpp"}]},
            "port 80/TCP goes to the pods' port 'htpp', which no pod has",
            "write one that they have: http",
        ),
        (
            {"ports": [{"port": 53, "targetPort": 8080, "protocol": "UDP"}]},
            "port 53/UDP goes to the pods' port 8080, which is TCP: nothing arrives",
            "write TCP",
        ),
        (
            {"applied": {"spec": {"ports": [{"port": 80}, {"port": 80, "protocol": "UDP"}]}}},
            "port 80/UDP was applied and is not there",
            "--server-side",
        ),
        (
            {"type": "LoadBalancer"},
            "it is of type LoadBalancer and has no address: SyncFailed: no pool",
            "preflight -f load-balancer",
        ),
        (
            {"type": "LoadBalancer", "ports": [{"port": 80}, {"port": 80, "protocol": "UDP"}]},
            "it is of type LoadBalancer and has no address",
            "preflight -f same-port-load-balancer",
        ),
        (
            {
                "type": "LoadBalancer",
                "ports": [{"port": 80}, {"port": 53, "protocol": "UDP"}],
                "status": {
                    "loadBalancer": {
                        "ingress": [
                            {
                                "ip": "192.0.2.1",
                                "ports": [{"port": 53, "protocol": "UDP", "error": "MixedProtocolNotSupported"}],
                            }
                        ]
                    }
                },
            },
            "its load balancer does not carry 53/UDP: MixedProtocolNotSupported",
            "preflight -f mixed-protocol-load-balancer",
        ),
        (
            {
                "type": "LoadBalancer",
                "status": {
                    "loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]},
                    "conditions": [
                        {"type": "LoadBalancerPortsError", "status": "True", "reason": "Mixed", "message": "m"}
                    ],
                },
            },
            "its load balancer has errors: Mixed: m",
            "preflight -f load-balancer",
        ),
    ],
)
def test_services_that_carry_nothing(spec: Json, problem: str, remedy: str) -> None:
    """Selector, target, protocol, address: each with what to write instead."""
    events = [event("SyncFailed", "no pool", "uid-svc")]
    found = looked({**web(pod("web-1", TEMPLATE)), "services": [service(**spec)], "events": events})

    (trouble,) = found.troubles
    assert "Service shop/web" == trouble.subject
    assert trouble.problem.startswith(problem)
    assert remedy in trouble.remedy


def test_a_service_without_a_ready_pod_may_yet_have_one() -> None:
    """Its pods are told of themselves; a Service without selector, or for pods that are not ready, is left alone."""
    slow = pod("web-1", TEMPLATE, ready=False)
    lists = {**web(slow), "services": [service()]}

    (trouble,) = [each for each in looked(lists).troubles if each.check == "services"]
    assert ("its only pod is not ready", False) == (trouble.problem, trouble.certain)
    for free in (service(publishNotReadyAddresses=True), service(selector=None)):
        assert [] == [each for each in looked({**lists, "services": [free]}).troubles if each.check == "services"]


@pytest.mark.parametrize(
    ("classes", "nodes", "problem"),
    [
        ([], [], "it asks for the RuntimeClass 'wasm', which does not exist"),
        ([{"metadata": {"name": "wasm"}, "handler": "wasmedge"}], ["runc"], "no node has the handler 'wasmedge'"),
        ([{"metadata": {"name": "wasm"}, "handler": "wasmedge"}], ["wasmedge"], ""),
        ([{"metadata": {"name": "wasm"}, "handler": "wasmedge"}], [], "unknown: whether node n has the handler"),
        (403, [], "unknown: the list of runtimeclasses may not be read"),
    ],
)
def test_runtimes_that_are_missing(classes: Any, nodes: list[str], problem: str) -> None:
    """The RuntimeClass, or its handler on every node that tells; what nodes do not tell is unknown."""
    node = {"metadata": {"name": "n"}, "status": {"runtimeHandlers": [{"name": name} for name in nodes]}}
    lists = web(pod_template=template(container(), runtimeClassName="wasm"))
    found = looked({**lists, "runtimeclasses": classes, "nodes": [node]})

    text = " ".join(render(found).split())
    assert problem in text
    assert (bool(problem) and not problem.startswith("unknown")) == bool(found.troubles)


@pytest.mark.parametrize(
    ("selector", "told"),
    [
        ({"pool": "wasm"}, ""),
        ({"pool": "plain"}, "no node has the handler 'wasmedge' (they have: runc)"),
        (None, "unknown: node a has the handler 'wasmedge'"),
    ],
)
def test_a_handler_is_looked_for_where_the_class_puts_its_pods(selector: Any, told: str) -> None:
    """Not on any node; where pods may go to nodes that differ, each is told of."""
    nodes = [
        {"metadata": {"name": name, "labels": {"pool": pool}}, "status": {"runtimeHandlers": [{"name": handler}]}}
        for name, pool, handler in (("a", "wasm", "wasmedge"), ("b", "plain", "runc"))
    ]
    made = {"metadata": {"name": "wasm"}, "handler": "wasmedge", "scheduling": {"nodeSelector": selector}}
    lists = web(pod_template=template(container(), runtimeClassName="wasm"))
    found = looked({**lists, "runtimeclasses": [made], "nodes": nodes})

    assert told in " ".join(render(found).split())
    assert ("no node" in told) == bool(found.troubles)


def test_resizes_that_are_stuck_or_were_taken_back() -> None:
    """By the pods' conditions, and by our own last event about the workload."""
    waiting, failed = pod("web-1", TEMPLATE), pod("web-2", TEMPLATE)
    waiting["status"]["conditions"] += [
        {"type": "PodResizePending", "status": "True", "reason": "Deferred", "message": "no room"}
    ]
    failed["status"]["conditions"] += [
        {"type": "PodResizeInProgress", "status": "True", "reason": "Error", "message": "below usage"}
    ]
    events = [event("ResizeUndone", "undone: pod web-1: Infeasible", "uid-web", action="Resize")]
    found = looked({**web(waiting, failed), "events": events})

    assert [
        ("pod web-1: its kubelet has not resized it: PodResizePending: Deferred: no room", False),
        ("pod web-2: its kubelet has not resized it: PodResizeInProgress: Error: below usage", True),
        ("its last resize was not done: undone: pod web-1: Infeasible", True),
    ] == [(each.problem, each.certain) for each in found.troubles]
    done = event("ResizedInPlace", "resized in place", "uid-web", action="Resize", lastTimestamp="2026-01-01T00:00:09Z")
    assert [] == told(looked({**web(), "events": [*events, done]}))


def test_pods_of_stateful_sets_and_of_nobody_have_their_subjects() -> None:
    """The top of the chain of owners; a pod of its own is one."""
    alone, ours = crashing("alone"), owned(crashing("db-0"), "uid-db")
    ours["metadata"]["labels"] = member("db-0", TEMPLATE)["metadata"]["labels"]
    found = looked({"pods": [alone, ours], "statefulsets": [stateful_set(TEMPLATE)]})

    assert ["Pod shop/alone", "StatefulSet shop/db"] == [each.subject for each in found.troubles]


@pytest.mark.parametrize(("condition", "problems"), [("Complete", 0), ("Suspended", 1)])
def test_a_job_that_has_done_it_in_the_end_is_well(condition: str, problems: int) -> None:
    """The pods that failed on the way stay for their logs; while it is not done, they are told."""
    failed = owned(pod("once-1", TEMPLATE, phase="Failed"), "uid-job")
    failed["status"]["containerStatuses"][0]["state"] = {"terminated": {"exitCode": 1}}
    job: Json = {"metadata": {"name": "once", "namespace": "shop", "uid": "uid-job"}, "spec": {"template": TEMPLATE}}
    owned(job, "uid-cron")["status"] = {"conditions": [{"type": condition, "status": "True"}]}
    cron: Json = {"metadata": {"name": "nightly", "namespace": "shop", "uid": "uid-cron"}, "spec": {}}
    found = looked({"pods": [failed], "jobs": [job], "cronjobs": [cron]})

    assert problems == len(found.troubles)
    assert {each.subject for each in found.troubles} <= {"CronJob shop/nightly"}


def node(name: str, ready: str = "True", **spec: Any) -> Json:
    """Return a node that says so of itself."""
    told = {"type": "Ready", "status": ready, "reason": "KubeletNotReady", "message": "container runtime is down"}
    return {"metadata": {"name": name, "uid": name}, "spec": spec, "status": {"conditions": [told]}}


def ending(*conditions: tuple[str, str]) -> dict[str, Any]:
    """Return the answers of a namespace that is being deleted, with these conditions."""
    told = [{"type": kind, "status": "True", "message": message} for kind, message in conditions]
    metadata = {"name": "shop", "deletionTimestamp": "2026-01-01T00:00:00Z"}
    return {"/api/v1/namespaces/shop": {"metadata": metadata, "status": {"conditions": told}}}


@pytest.mark.parametrize(
    ("conditions", "words", "remedy", "certain"),
    [
        ([], "being deleted since 2026-01-01T00:00:00Z", "wait until it is gone", False),
        ([("NamespaceContentRemaining", "pods. has 2 instances")], "pods. has 2 instances", "wait", False),
        (
            [("NamespaceContentRemaining", "pods."), ("NamespaceFinalizersRemaining", "example.com/hold in 1")],
            "NamespaceFinalizersRemaining: example.com/hold in 1",
            "the controller that owns the finalizer",
            True,
        ),
        (
            [("NamespaceFinalizersRemaining", "x"), ("NamespaceDeletionDiscoveryFailure", "metrics.k8s.io/v1beta1")],
            "metrics.k8s.io/v1beta1",
            "kubectl get apiservices",
            True,
        ),
    ],
)
def test_a_namespace_on_its_way_out(
    conditions: list[tuple[str, str]], words: str, remedy: str, *, certain: bool
) -> None:
    """Why it does not go, and what to do; one that is just going may need no more than time."""
    (trouble,) = looked({**web(pod("web-1", TEMPLATE))}, answers=ending(*conditions)).troubles
    assert ("cluster", "Namespace shop", certain) == (trouble.check, trouble.subject, trouble.certain)
    assert words in trouble.problem
    assert remedy in trouble.remedy


def test_nodes_that_take_no_pods() -> None:
    """Those under the pods, or all; one that nothing of the namespace runs on is no matter of its."""
    running = pod("web-1", TEMPLATE)
    running["spec"]["nodeName"] = "b"
    lists = web(running)
    assert [] == told(looked({**lists, "nodes": [node("a", "False"), node("b")]}))
    broken = ("Node b", "it is not ready: KubeletNotReady: container runtime is down")
    assert [broken] == told(looked({**lists, "nodes": [node("a"), node("b", "Unknown")]}))
    assert ["Node a", "Node b"] == [
        who for who, _ in told(looked({**lists, "nodes": [node("a", "False"), node("b", "False")]}))
    ]

    assert [] == told(looked({**lists, "nodes": [node("a", unschedulable=True), node("b")]}))
    (trouble,) = looked({**lists, "nodes": [node("a", unschedulable=True), node("b", unschedulable=True)]}).troubles
    assert "every node is cordoned" in trouble.problem
    assert "kubectl uncordon a b" in trouble.remedy


def test_every_check_is_in_the_list() -> None:
    """A failure mode more is one more here."""
    assert ["pods", "workloads", "runtimes", "services", "resizes", "cluster"] == list(CHECKS)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["-n", "shop"], 1, "CrashLoopBackOff"),
        (["-n", "shop", "--json"], 1, '"well": false'),
        (["--all"], 1, "Diagnosis of shop:"),
        (["-n", "shop", "svc/web"], 0, "nothing is wrong"),
        (["-n", "shop", "wbe"], 2, "error: Deployment shop/wbe does not exist"),
        (["--all", "-n", "shop"], 2, "write KIND/NAME with one --namespace, or --all alone"),
        (["-n", "shop", "-n", "bar", "web"], 2, "write KIND/NAME with one --namespace, or --all alone"),
        (["node/x"], 2, "is nothing to look at"),
    ],
)
def test_the_command_line(
    arguments: list[str], code: int, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """0 nothing, 1 something, 2 no answer; errors are one line."""
    lists: dict[str, Items] = {
        **web(crashing("web-1")),
        "services": [service()],
        "namespaces": [{"metadata": {"name": "shop"}}],
    }

    def answer(_method: str, path: str, _body: Any) -> tuple[int, Any]:
        if path == "/api/v1/namespaces/shop":
            return 200, lists["namespaces"][0]
        return (
            (200, b"") if "/log" in path else (200, {"items": lists.get(path.partition("?")[0].rpartition("/")[2], [])})
        )

    client, _ = double_client(answer)
    lists["services"][0]["spec"]["publishNotReadyAddresses"] = True
    monkeypatch.setattr(Connection, "client", lambda _self: client)
    monkeypatch.setattr(sys, "argv", ["components.actions", "diagnose", "--kubeconfig", KUBECONFIG, *arguments])
    with pytest.raises(SystemExit) as caught:
        run()
    assert code == (caught.value.code or 0)
    output = capsys.readouterr()
    assert words in (output.err if code == 2 else output.out)
    assert code != 2 or 1 == len(output.err.splitlines())
