"""What facts of a cluster mean: yes, no and unknown, each with what was seen and what to do."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.model import feature, platforms
from components.model.facts import Balancer, Cluster, Namespace, Quota, Unseen
from components.model.feature import Feature, Right, parse
from components.model.finding import Finding, Report
from components.model.judgement import judge
from tests.unit.model.clusters import CORE, cloud_node, cluster, lab_node, managed

TODAY = date(2026, 11, 26)
DENIED = Unseen("the list of nodes may not be read by this identity", "allow `list` on nodes")


def judged(facts: Cluster, *features: str, deploying: bool = False) -> Report:
    """Return the report for these features."""
    return judge(facts, [parse(text) for text in features], deploying=deploying, today=TODAY)


def finding(report: Report, subject: str) -> Finding:
    """Return the one finding about a subject."""
    (found,) = [each for each in report.findings if each.subject == subject]
    return found


def test_a_whole_cluster_has_everything() -> None:
    """Nothing stops, nothing warns."""
    report = judged(cluster(), "sidecars", "resize", "mixed-protocol", "wasm=wasmedge", "cri")

    assert {"yes"} == {each.answer for each in report.findings}
    assert ((), ()) == (report.stops, report.warnings)


@pytest.mark.parametrize(
    ("version", "answer", "words"),
    [
        ("v1.28.9", "no", "upgrade it to 1.33 or newer"),
        ("v1.32.1", "unknown", "nothing older is tested"),
        ("v1.33.0", "yes", "v1.33.0"),
        ("v1.37.2", "yes", "v1.37.2"),
        ("v1.38.0", "unknown", "1.33 to 1.37 are tested"),
        ("v1.35.8-gke.1036000", "yes", "v1.35.8-gke.1036000"),
        ("nonsense", "unknown", "'nonsense' is none"),
    ],
)
def test_the_version_of_the_api_server(version: str, answer: str, words: str) -> None:
    """Below 1.29 nothing works; outside of what is tested is unknown."""
    found = finding(judged(cluster(git_version=version)), "kubernetes")

    assert answer == found.answer
    assert words in str(found)


@pytest.mark.parametrize(
    ("kubelet", "sources"),
    [
        ("v1.29.2", ["#123709", "#127214", "#126331", "#134801"]),
        ("v1.30.4", ["#127213", "#134801"]),
        ("v1.33.6", []),
        ("v1.34.1", ["#134800"]),
        ("v1.35.3-gke.1842000", ["#137885"]),
        ("v1.35.3-eks-3a10415", ["#137885"]),
        ("v1.35.4", []),
        ("v1.37.2", []),
    ],
)
def test_known_bugs_of_a_kubelet_are_warned_of(kubelet: str, sources: list[str]) -> None:
    """Each with the pull request of its fix and the patch that has it; sidecars are unknown there, and no `no`."""
    found = finding(judged(cluster(nodes=(lab_node(), lab_node("old", kubelet=kubelet))), "sidecars"), "sidecars")

    assert ("unknown" if sources else "yes") == found.answer
    told = [text for text in found.evidence if "kubernetes/kubernetes#" in text]
    assert len(sources) == len(told)
    for source, text in zip(sources, told, strict=True):
        assert text.startswith(f"node old ({kubelet}): ")
        assert text.endswith(f", kubernetes/kubernetes{source})")
    assert sources == [] or "upgrade the kubelets of these nodes" in found.remedy


@pytest.mark.parametrize(("version", "answer"), [("v1.28.15", "no"), ("v1.29.0", "yes"), ("nonsense", "unknown")])
def test_sidecars_are_refused_below_1_29(version: str, answer: str) -> None:
    """An API server before it drops the field; of one whose version means nothing that is not known."""
    report = judged(cluster(git_version=version), "sidecars")

    assert answer == finding(report, "sidecars").answer
    assert (answer == "no") == bool(report.stops)


def test_a_kubelet_without_sidecars_is_told_no_bugs() -> None:
    """Where nothing can run there is nothing to warn of, and a version that means nothing has no known bugs."""
    old = finding(judged(cluster(nodes=(lab_node(kubelet="v1.28.3"),)), "sidecars"), "sidecars")
    strange = finding(judged(cluster(nodes=(lab_node(kubelet="v1.35"),)), "sidecars"), "sidecars")

    assert "no" == old.answer
    assert "yes" == strange.answer
    assert not any("kubernetes/kubernetes#" in text for text in (*old.evidence, *strange.evidence))


@pytest.mark.parametrize(
    ("facts", "answer", "words"),
    [
        ({"core_resources": CORE - {"pods/resize"}}, "no", "turn the feature gate InPlacePodVerticalScaling on"),
        ({"gates": {"InPlacePodVerticalScaling": False}}, "no", "does not serve pods/resize"),
        (
            {"git_version": "v1.32.4", "core_resources": CORE - {"pods/resize"}},
            "no",
            "1.32 does not serve pods/resize -> upgrade it to 1.33 or newer",
        ),
        ({"core_resources": Unseen("the core API cannot be read: no")}, "unknown", "the core API cannot be read: no"),
        ({"gates": Unseen("the metrics may not be read")}, "yes", "serves pods/resize; 1 node can have it"),
        ({"nodes": DENIED}, "unknown", "may not be read by this identity -> allow `list` on nodes"),
        ({"nodes": ()}, "unknown", "there are no nodes yet"),
        ({"nodes": (lab_node(kubelet="v1.32.0"),)}, "no", "node lab: its kubelet is v1.32.0"),
        ({"nodes": (lab_node(), lab_node("old", kubelet="v1.32.0"))}, "unknown", "node old: its kubelet is v1.32.0"),
        ({"nodes": (lab_node(runtime="docker://27.1"),)}, "no", "cri-dockerd does not report"),
        ({"nodes": (lab_node(runtime="containerd://1.6.8"),)}, "no", "containerd 1.6.8 is older than 1.6.9"),
        ({"nodes": (lab_node(runtime="containerd://1.6.9"),)}, "yes", "1 node can have it"),
        ({"nodes": (lab_node(), lab_node("win", os="windows"))}, "unknown", "node win: Windows nodes cannot resize"),
        ({"nodes": (lab_node(kubelet="?"),)}, "unknown", "its kubelet's version '?' is none"),
    ],
)
def test_resizing(facts: dict[str, Any], answer: str, words: str) -> None:
    """The API server has to serve it, and kubelet and runtime of every node have to do it."""
    found = finding(judged(cluster(**facts), "resize"), "resize")

    assert answer == found.answer, found
    assert words in str(found)


@pytest.mark.parametrize(
    ("facts", "answer", "words"),
    [
        ({"git_version": "v1.28.3"}, "no", "pods hang in Init"),
        ({"gates": {"SidecarContainers": False}}, "no", "gate SidecarContainers is off"),
        ({"nodes": (lab_node(kubelet="v1.28.3"),)}, "no", "its kubelet is v1.28.3"),
        ({}, "yes", "since 1.33 for good"),
    ],
)
def test_sidecars(facts: dict[str, Any], answer: str, words: str) -> None:
    """Server, gate and kubelets."""
    found = finding(judged(cluster(**facts), "sidecars"), "sidecars")

    assert answer == found.answer
    assert words in str(found)


POOL = {"pool": "wasm"}


@pytest.mark.parametrize(
    ("text", "nodes", "answer", "words"),
    [
        ("wasm=wasmedge", (lab_node(),), "yes", "node lab has the handler"),
        ("wasm=spin", (lab_node(),), "no", "no node has the handler 'spin' (they have: runc, wasmedge)"),
        ("wasm=spin", (lab_node(handlers=frozenset()),), "unknown", "whether node lab has the handler"),
        ("wasm=spin", (), "unknown", "there are no nodes yet"),
        ("wasm=spin@pool=wasm", (lab_node(),), "unknown", "no node with the labels pool=wasm is there now"),
        ("wasm=spin@pool=wasm", (lab_node(labels=POOL),), "no", "no node has the handler 'spin'"),
        (
            "wasm=spin@pool=wasm",
            (lab_node(), lab_node("w", labels=POOL, handlers=frozenset({"spin"}))),
            "yes",
            "node w has the handler 'spin'",
        ),
    ],
)
def test_a_wasm_handler(text: str, nodes: tuple[Any, ...], answer: str, words: str) -> None:
    """A no takes every node that could have it; a pool that scales from zero is unknown."""
    (found,) = [f for f in judged(cluster(nodes=nodes), text).findings if f.subject.startswith("wasm")]

    assert answer == found.answer
    assert words in str(found)


@pytest.mark.parametrize(
    ("node", "answer", "words"),
    [
        (lab_node(), "yes", "containerd 2.1.9"),
        (lab_node(runtime="nonsense"), "unknown", "node lab"),
        (lab_node(runtime="containerd://1.4.1"), "no", "CRI"),
        (lab_node(runtime="kwok-v0.8.0", simulated=True), "unknown", "simulated, there is no container runtime"),
        (lab_node(kubelet="v1.34.1"), "yes", "a kubelet refuses cgroup v1 from 1.35 on"),
        (lab_node(kubelet="v1.34.1", cgroup=2), "yes", "cgroup v2"),
        (lab_node(cgroup=None), "yes", "cgroup unknown: the kubelet's metrics were not readable"),
    ],
)
def test_container_runtimes(node: Any, answer: str, words: str) -> None:
    """CRI v1, the tested matrix, and what the next minor wants of cgroups; nonsense is unknown, never a crash."""
    found = finding(judged(cluster(nodes=(node,)), "cri"), "cri")

    assert answer == found.answer, found
    assert words in str(found)


@pytest.mark.parametrize(
    ("facts", "text", "answer", "words"),
    [
        (cluster(), "load-balancer", "unknown", "no load balancer that is known"),
        (
            cluster(balancers=(Balancer("metallb"),)),
            "same-port-load-balancer",
            "yes",
            "metallb takes TCP and UDP on one",
        ),
        (cluster(balancers=(Balancer("kind-alone"),)), "load-balancer", "unknown", "cloud-provider-kind"),
        (cluster(balancers=(Balancer("aws-ccm"),)), "mixed-protocol-load-balancer", "no", "aws-ccm does not take"),
        (cluster(balancers=(Balancer("aws-ccm"),)), "load-balancer", "yes", "aws-ccm is there"),
        (cluster(balancers=(Balancer("aws-lbc", "v2.12.0"),)), "same-port-load-balancer", "no", "aws-lbc v2.12.0"),
        (cluster(balancers=(Balancer("aws-lbc", "v2.13.0"),)), "same-port-load-balancer", "yes", "aws-lbc v2.13.0"),
        (cluster(balancers=(Balancer("aks"),)), "same-port-load-balancer", "yes", "aks takes"),
        (
            cluster(balancers=(Balancer("gke", "v1.33.5-gke.1000"),)),
            "mixed-protocol-load-balancer",
            "no",
            "gke v1.33.5-gke.1000 does not take",
        ),
        (
            cluster(balancers=(Balancer("gke", "v1.36.2-gke.1498000"),)),
            "same-port-load-balancer",
            "yes",
            "gke v1.36.2-gke.1498000 takes",
        ),
        (cluster(balancers=(Balancer("aws-ccm"), Balancer("metallb"))), "same-port-load-balancer", "yes", "metallb"),
        (cluster(balancers=(Balancer("homemade"),)), "same-port-load-balancer", "unknown", "not in the table"),
        (
            cluster(balancers=Unseen("the list of API groups cannot be read: no")),
            "load-balancer",
            "unknown",
            "API groups",
        ),
    ],
)
def test_load_balancers(facts: Cluster, text: str, answer: str, words: str) -> None:
    """By implementation and version; where there are several, one that can is enough."""
    found = finding(judged(facts, text), text)

    assert answer == found.answer, found
    assert words in str(found)


MANAGED = {
    "EKS on AL2023": (managed(cloud_node("eks", "Amazon Linux 2023.8.20260714")), "eks"),
    "EKS on Bottlerocket": (managed(cloud_node("eks", "Bottlerocket OS 1.49.0 (aws-k8s-1.35)")), "eks"),
    "AKS on Ubuntu": (managed(cloud_node("aks", "Ubuntu 24.04.3 LTS")), "aks"),
    "GKE on COS": (managed(cloud_node("gke", "Container-Optimized OS from Google")), "gke"),
}


@pytest.mark.parametrize(("facts", "platform"), MANAGED.values(), ids=MANAGED)
def test_answers_shaped_as_the_clouds_document_them(facts: Cluster, platform: str) -> None:
    """The platform is recognised, its minor's support is told, and the runtime is judged by the table."""
    report = judged(facts, "sidecars", "resize", "cri")

    assert platform == report.platform
    assert "yes" == finding(report, "sidecars").answer
    assert finding(report, "resize").answer in ("yes", "unknown")
    assert any(platform.upper() in note and "1.35" in note for note in report.notes), report.notes
    assert "cgroup v2 by the table" in str(finding(report, "cri"))


def test_a_node_image_that_takes_no_handler_is_named() -> None:
    """Where none of the nodes can get it, the remedy is another pool."""
    facts = managed(cloud_node("eks", "Bottlerocket OS 1.49.0 (aws-k8s-1.35)", handlers=frozenset()))
    found = finding(judged(facts, "wasm=spin"), "wasm=spin")
    row = platforms.node_type("eks", "Bottlerocket OS 1.49.0 (aws-k8s-1.35)", {}, "aws:///a/i", "amd64")

    assert row is not None
    if row.features["wasm"].answer == "no":
        assert ("no", True) == (found.answer, "add a pool of nodes" in found.remedy)
    else:
        assert "unknown" == found.answer


NEEDED = feature.rights([Feature("resize")])


def rights(**denied: bool | Unseen) -> dict[tuple[str, Right], Any]:
    """Return the rights for resizing in the namespace `shop`, all there but those named `verb_resource`."""
    answers = {("shop", right): True for right in NEEDED}
    for right in NEEDED:
        key = f"{right.verb}_{right.resource.replace('/', '_')}"
        if key in denied:
            answers["shop", right] = denied[key]  # type: ignore[assignment]
    return answers


@pytest.mark.parametrize(
    ("denied", "optional", "deploying", "answer", "stops"),
    [
        ({}, False, True, "yes", False),
        ({"patch_pods_resize": False}, False, False, "unknown", False),
        ({"patch_pods_resize": False}, False, True, "no", True),
        ({"patch_pods_resize": False}, True, True, "no", False),
        ({"patch_pods_resize": Unseen("what it may do cannot be read: no")}, False, True, "unknown", False),
    ],
)
def test_rights(denied: dict[str, Any], optional: bool, deploying: bool, answer: str, stops: bool) -> None:
    """What a preview lacks is unknown; what the deploying identity lacks stops it, for what it cannot do without."""
    facts = cluster(rights=rights(**denied), namespaces={"shop": Namespace("shop")})
    report = judged(facts, "resize?" if optional else "resize", deploying=deploying)
    found = finding(report, "rights: shop")

    assert (answer, stops) == (found.answer, found in report.stops)
    if denied and answer != "unknown":
        assert "may not patch pods/resize" in str(found)


@pytest.mark.parametrize(
    ("features", "taken"),
    [
        (("sidecars",), {"deployments", "replicasets", "configmaps"}),
        (("kind=Job",), {"jobs"}),
        (("sidecars", "kind=CronJob"), {"cronjobs", "jobs"}),
        (("sidecars", "kind=DaemonSet"), {"daemonsets", "controllerrevisions"}),
        (("kind=PodDisruptionBudget", "kind=ConfigMap"), {"poddisruptionbudgets", "configmaps"}),
        (("mixed-protocol",), {"services", "endpointslices"}),
        (("resize", "kind=StatefulSet"), {"statefulsets", "pods/resize"}),
        (("resize", "kind=Deployment"), {"deployments", "replicasets", "pods/resize"}),
    ],
)
def test_rights_are_those_of_the_kinds_in_use(features: tuple[str, ...], taken: set[str]) -> None:
    """Of the objects that are made, and of nothing else; the pods are looked at beside, and their logs are read."""
    asked = feature.rights(map(parse, features))

    assert taken == {right.resource for right in asked} - {"pods", "pods/log", "events"}
    made = {right.resource for right in asked if right.verb == "delete"}
    for resource in made:
        verbs = {right.verb for right in asked if right.resource == resource}
        assert {"get", "list", "watch", "create", "patch", "delete"} == verbs
    if made - {"services", "poddisruptionbudgets", "configmaps"}:
        assert Right("get", "pods/log") in asked
    assert ("resize" in features and "kind=StatefulSet" in features) == (Right("patch", "pods") in asked)


@pytest.mark.parametrize(
    ("optional", "lacking", "stops"), [(True, "patch pods/resize", False), (True, "delete jobs.batch", True)]
)
def test_a_kind_is_needed_where_resizing_may_lack(optional: bool, lacking: str, stops: bool) -> None:
    """What a kind takes stops a deployment; what an optional feature takes beside it does not."""
    features = ["resize?" if optional else "resize", "kind=Job"]
    asked = feature.rights(map(parse, features))
    facts = cluster(
        groups=frozenset({"batch"}),
        rights={("shop", right): str(right) != lacking for right in asked},
        namespaces={"shop": Namespace("shop")},
    )
    report = judged(facts, *features, deploying=True)
    found = finding(report, "rights: shop")

    assert ("no", stops) == (found.answer, found in report.stops)
    assert f"may not {lacking}" in str(found)


@pytest.mark.parametrize(
    ("groups", "answer", "words"),
    [
        (frozenset({"policy"}), "yes", "serves policy"),
        (frozenset({"apps"}), "no", "does not serve policy"),
        (Unseen("the list of API groups cannot be read: no"), "unknown", "API groups"),
    ],
)
def test_a_kind_has_to_be_served(groups: Any, answer: str, words: str) -> None:
    """By its API group; the core group is always there."""
    report = judged(cluster(groups=groups), "kind=PodDisruptionBudget", "kind=ConfigMap")
    found = finding(report, "kind=PodDisruptionBudget")

    assert (answer, True) == (found.answer, words in str(found))
    assert "yes" == finding(report, "kind=ConfigMap").answer


@pytest.mark.parametrize(
    ("enforced", "level", "answer", "words"),
    [
        ("", "privileged", "yes", "no namespace"),
        ("privileged", "privileged", "yes", "no namespace"),
        ("baseline", "baseline", "yes", "no namespace"),
        ("baseline", "privileged", "unknown", "enforce: privileged"),
        ("restricted", "baseline", "unknown", "shop enforces restricted"),
        ("strict", "baseline", "unknown", "shop enforces strict"),
    ],
)
def test_pods_below_what_a_namespace_enforces(enforced: str, level: str, answer: str, words: str) -> None:
    """Unknown, with the remedy: an exemption cannot be seen; a namespace that is to come enforces nothing yet."""
    namespaces = {"new": Namespace("new", exists=False), "shop": Namespace("shop", pod_security=enforced)}
    found = finding(judged(cluster(namespaces=namespaces), f"pod-security={level}"), f"pod-security={level}")

    assert answer == found.answer, found
    assert words in str(found)


def test_a_level_that_may_not_be_read_is_unknown() -> None:
    """A namespace that may not be read tells nothing of what it enforces."""
    hidden = Unseen("namespace hidden may not be read by this identity", "allow `get` on it")
    found = finding(judged(cluster(namespaces={"hidden": hidden}), "pod-security=baseline"), "pod-security=baseline")

    assert ("unknown", "allow `get` on it") == (found.answer, found.remedy)


def test_namespaces_tell_what_limits_their_pods() -> None:
    """Level, LimitRanges and full quotas; a full quota warns and stops nothing."""
    full = Quota("q", {"requests.cpu": ("2", "2000m"), "pods": ("3", "10")})
    facts = cluster(
        namespaces={
            "full": Namespace("full", pod_security="restricted", quotas=(full,), limit_ranges=("l",)),
            "new": Namespace("new", exists=False),
            "hidden": Unseen("namespace hidden may not be read by this identity", "allow `get` on it"),
            "half": Namespace("half", quotas=Unseen("no"), limit_ranges=Unseen("no")),
        }
    )
    report = judged(facts)

    found = finding(report, "namespace: full")
    assert ("unknown", False) == (found.answer, found.stops)
    for words in ("level restricted", "q has no room: requests.cpu 2 of 2000m", "LimitRange l", "raise the quota"):
        assert words in str(found)
    assert "it is not there yet" in str(finding(report, "namespace: new"))
    assert "unknown" == finding(report, "namespace: hidden").answer
    assert "its quotas may not be read; its LimitRanges may not be read" in str(finding(report, "namespace: half"))


def test_the_end_of_support_and_the_next_safe_minor_are_told() -> None:
    """1.33 is past standard support on EKS; 1.34's ends within days, so 1.35 is the next safe one."""
    facts = managed(cloud_node("eks", "Amazon Linux 2023", kubelet="v1.33.5-eks-113cf36"))
    (note,) = judged(facts).notes

    assert "EKS 1.33: standard support ended on 2026-07-29" in note
    assert note.endswith("the next safe minor is 1.35")


def test_notes_of_unfinished_work_and_simulated_nodes() -> None:
    """They are told beside the answers; what may not be read is said to be unknown."""
    report = judged(cluster(nodes=(lab_node(simulated=True),), unfinished=Unseen("Deployments may not be read")))
    assert any("simulated nodes" in note for note in report.notes)
    assert any("left work unfinished is unknown: Deployments may not be read" in note for note in report.notes)
    assert ("work",) == judged(cluster(unfinished=("work",))).unfinished


def test_a_feature_is_required_when_anybody_requires_it() -> None:
    """Optional and required mentions of one feature become one, required."""
    assert [False] == [f.optional for f in feature.merged([parse("resize?"), parse("resize"), parse("resize?")])]
    report = judged(cluster(core_resources=CORE - {"pods/resize"}), "resize?")
    assert ((), ["resize"]) == (report.stops, [each.subject for each in report.warnings])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("resise", "'resise' is no feature; write resize"),
        ("", "'' is no feature; write sidecars, resize"),
        ("resize=1", "'resize' takes no value; write resize"),
        ("kind", "'' is no kind here; write kind=Deployment, kind=StatefulSet"),
        ("kind=deployment", "'deployment' is no kind here; write kind=Deployment"),
        ("kind=Pod", "'Pod' is no kind here"),
        ("pod-security=restricted", "'restricted' is no pod-security here; write pod-security="),
        ("wasm", "it names no handler; write wasm=<handler>"),
        ("wasm=No", "its handler is 'No' is not"),
        ("wasm=spin@pool", "'pool' are no labels of nodes; write wasm=spin@<label>=<value>"),
    ],
)
def test_what_is_no_feature(text: str, words: str) -> None:
    """Each is told what to write instead."""
    with pytest.raises(ValueError, match=r".") as caught:
        parse(text)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["resize", "resize?", "wasm=spin", "wasm=spin@a=b,c/d=e?", "wasm=spin?", "kind=Job", "pod-security=baseline?"],
)
def test_features_are_written_as_they_are_read(text: str) -> None:
    """The text form loses nothing."""
    assert text == str(parse(text))


@given(st.text(), st.text(), st.text())
def test_what_nodes_say_of_themselves_never_breaks_it(kubelet: str, runtime: str, version: str) -> None:
    """Self-reports that make no sense give an answer, whatever they are."""
    facts = cluster(nodes=(lab_node(kubelet=kubelet, runtime=runtime),), git_version=version)
    answers = {each.answer for each in judged(facts, "sidecars", "resize", "cri", "wasm=x", "load-balancer").findings}
    assert answers <= {"yes", "no", "unknown"}


def test_json_says_what_the_table_says() -> None:
    """Every field is there, under a version of its own."""
    report = judged(cluster(), "resize").to_json()

    assert (1, True, "v1.33.13") == (report["version"], report["passed"], report["kubernetes"])
    assert {"subject", "answer", "required", "evidence", "remedy"} == set(report["findings"][1])
