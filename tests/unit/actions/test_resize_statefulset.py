"""The parts of a StatefulSet's resize that need no cluster: verdicts, order, batches, journal, names."""

import dataclasses
import json
from typing import Any

import pytest

from components.actions.client import Client, Json
from components.actions.resize import all_unfinished
from components.actions.resize.autoscalers import read_autoscalers
from components.actions.resize.budget import Budgets, max_unavailable, no_restart
from components.actions.resize.deployment_window import DeploymentWindow
from components.actions.resize.journal import ANNOTATION, Journal, read_journal
from components.actions.resize.kinds import argument, kind_of, parse_argument
from components.actions.resize.live import by_ordinal
from components.actions.resize.planning import Plan, decide
from components.actions.resize.recovery import Unfinished
from components.actions.resize.stateful_window import StatefulSetWindow
from components.actions.resize.templates import digest
from components.actions.resize.verdict import Facts, is_updated
from components.actions.resize.windows import window_of
from tests.unit.actions.doubles import container, deployment, double_client, member, stateful_set, template

SMALL = {"cpu": "100m", "memory": "128Mi"}
LARGE = {"cpu": "200m", "memory": "256Mi"}
ON_DELETE: Json = {"updateStrategy": {"type": "OnDelete"}}
OLD, NEW = template(container(requests=SMALL)), template(container(requests=LARGE))


def facts(**changes: Any) -> Facts:
    """Return facts about a StatefulSet of two pods that is to grow."""
    defaults: Json = {
        "kind": "StatefulSet",
        "live": stateful_set(OLD),
        "wanted": NEW,
        "replica_sets": [],
        "pods": [member("db-1", OLD), member("db-0", OLD)],
        "version": (1, 33),
    }
    return Facts(**{**defaults, **changes})


def test_growing_is_in_place_and_the_plan_says_of_what() -> None:
    """The plan knows its kind, in its lines and in its JSON."""
    plan = decide(facts())
    assert "in-place" == plan.outcome, plan.reasons
    assert "StatefulSet shop/db: running pods are resized in place" == plan.lines()[0]
    assert ("StatefulSet", digest(OLD)) == (plan.to_json()["kind"], plan.template)


@pytest.mark.parametrize(
    ("expected", "spec", "status"),
    [
        ("its updateStrategy has partition 1", {"updateStrategy": {"rollingUpdate": {"partition": 1}}}, {}),
        ("only RollingUpdate and OnDelete are known", {"updateStrategy": {"type": "Recreate"}}, {}),
        ("there are no pods to resize", {"replicas": 0}, {}),
        ("an update of its pods is in progress", {}, {"observedGeneration": 2}),
        ("an update of its pods is in progress", {}, {"updateRevision": "db-2"}),
        ("an update of its pods is in progress", {}, {"updatedReplicas": 1}),
        ("an update of its pods is in progress", {}, {"replicas": 1}),
        ("have to be deleted first (updateStrategy OnDelete)", ON_DELETE, {"updatedReplicas": 1}),
    ],
)
def test_states_that_make_it_a_rollout(expected: str, spec: Json, status: Json) -> None:
    """Each has its reason in words."""
    live = stateful_set(OLD)
    live["spec"] |= spec
    live["status"] |= status
    plan = decide(facts(live=live))
    assert "rollout" == plan.outcome
    assert expected in " ".join(plan.reasons)


@pytest.mark.parametrize(
    ("expected", "changes"),
    [
        ("1 of 2 pods are there", {"pods": [member("db-0", OLD)]}),
        ("may not patch statefulsets", {"denied": ["patch statefulsets"]}),
        ("more cpu than node node-1", {"allocatable": {"node-1": {"cpu": "150m", "memory": "9Gi"}}}),
        ("more than sizes changes", {"wanted": template(container(requests=LARGE, image="other"))}),
    ],
)
def test_other_obstacles(expected: str, changes: Json) -> None:
    """They are those of every workload."""
    plan = decide(facts(**changes))
    assert "rollout" == plan.outcome
    assert expected in " ".join(plan.reasons)


def test_on_delete_is_updated_though_no_revision_ever_becomes_current() -> None:
    """The controller advances currentRevision with RollingUpdate only."""
    live = stateful_set(OLD, **ON_DELETE)
    live["status"]["updateRevision"] = "db-2"
    assert is_updated(live)
    assert not is_updated({**live, "spec": stateful_set(OLD)["spec"]})


def test_another_spelling_is_another_template() -> None:
    """A Deployment's controller compares amounts, a StatefulSet's bytes; no resource changes, and a note says why."""
    spelled = template(container(requests={"cpu": "100m", "memory": "134217728"}))
    plan = decide(facts(wanted=spelled))
    assert ("in-place", [], ["app"]) == (plan.outcome, plan.verdicts, list(plan.new))
    assert plan.notes == [
        "the sizes of app are written in another way only: StatefulSets take that for another template"
    ]
    assert plan.spares_pods


def test_pods_of_an_older_revision_are_no_drift() -> None:
    """They are of another template; only one that claims to be of this one can differ from it."""
    other = template(container(requests={"cpu": "300m", "memory": "128Mi"}))
    old, drifted = member("db-0", other, revision="db-0"), member("db-1", other)
    plan = decide(facts(wanted=OLD, pods=[drifted, old]))
    assert ["pod db-1, container app: requests.cpu is 300m, the template says 100m"] == plan.drift


def test_the_highest_ordinal_goes_first() -> None:
    """By number, not by text."""
    pods = [member(f"db-{ordinal}", OLD) for ordinal in (2, 10, 0)]
    assert ["db-10", "db-2", "db-0"] == [pod["metadata"]["name"] for pod in by_ordinal(pods)]


@pytest.mark.parametrize(
    ("expected", "rolling"), [(1, {}), (3, {"maxUnavailable": 3}), (2, {"maxUnavailable": "25%"}), (1, None)]
)
def test_batches(expected: int, rolling: Json | None) -> None:
    """One pod at a time, or as many as maxUnavailable says; OnDelete says nothing."""
    strategy = {"type": "OnDelete"} if rolling is None else {"type": "RollingUpdate", "rollingUpdate": rolling}
    live = stateful_set(OLD, replicas=10, updateStrategy=strategy)
    assert expected == max_unavailable(live)
    assert [] == list(no_restart(live, Budgets()))


JOURNAL = Journal(
    "uid-db",
    "",
    10,
    {"app": {"requests": SMALL, "limits": {}}},
    {"app": {"requests": LARGE, "limits": {}}},
    kind="StatefulSet",
    strategy={"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 2}},
    revision="db-1",
    template="digest",
)


def test_the_window_hides_no_strategy_from_the_batches() -> None:
    """While it is held its own strategy still says how many pods may be away."""
    client, _ = double_client(lambda *_: (404, {}))
    held = stateful_set(OLD, replicas=10, **ON_DELETE)
    window = window_of(client, "shop", "db", JOURNAL)
    assert isinstance(window, StatefulSetWindow)
    assert 2 == max_unavailable(window.unheld(held))
    ours = window_of(client, "shop", "web", dataclasses.replace(JOURNAL, kind="Deployment"))
    assert isinstance(ours, DeploymentWindow)


def test_a_journal_comes_back_with_its_kind() -> None:
    """Everything that a later run has to put back survives the round trip, and the text says of what it is."""
    live = stateful_set(OLD, **ON_DELETE)
    live["metadata"]["annotations"] = {ANNOTATION: JOURNAL.text()}
    assert JOURNAL == read_journal(live)
    assert str(Unfinished("shop", "db", JOURNAL, held=True)).startswith(
        "StatefulSet shop/db is held (updateStrategy OnDelete) in a resize begun at"
    )
    assert (JOURNAL.new, JOURNAL.old) == (JOURNAL.target, dataclasses.replace(JOURNAL, direction="undo").target)


def test_a_journal_of_the_first_version_is_a_deployments() -> None:
    """One that was written before there were kinds is still gone on with."""
    written = json.loads(dataclasses.replace(JOURNAL, kind="Deployment", uid="uid-web", replica_set="web-aaaa").text())
    old = {"version": 1, **{k: v for k, v in written.items() if k not in ("version", "kind", "strategy", "revision")}}
    old.pop("template")
    live = deployment(OLD)
    live["metadata"]["annotations"] = {ANNOTATION: json.dumps(old)}
    found = read_journal(live)
    assert found is not None
    assert ("Deployment", "web-aaaa", JOURNAL.new) == (found.kind, found.replica_set, found.new)
    written["kind"] = "DaemonSet"
    live["metadata"]["annotations"] = {ANNOTATION: json.dumps(written)}
    assert read_journal(live) is None


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (("Deployment", "web"), "web"),
        (("Deployment", "web"), "deployment/web"),
        (("Deployment", "web"), "deploy/web"),
        (("StatefulSet", "db"), "statefulset/db"),
        (("StatefulSet", "db"), "StatefulSets.apps/db"),
        (("StatefulSet", "db"), "sts/db"),
    ],
)
def test_workloads_are_written_as_for_kubectl(expected: tuple[str, str], text: str) -> None:
    """A name alone is a Deployment's."""
    assert expected == parse_argument(text)


@pytest.mark.parametrize("text", ["daemonset/x", "statefulset/", "/web", ""])
def test_what_is_no_workload(text: str) -> None:
    """Other kinds and missing names are told."""
    with pytest.raises(ValueError, match="is no workload: write NAME, deployment/NAME or statefulset/NAME"):
        parse_argument(text)


def test_kinds() -> None:
    """A manifest without a kind is a Deployment; another is refused."""
    assert ("Deployment", "StatefulSet") == (kind_of({}), kind_of({"kind": "StatefulSet"}))
    with pytest.raises(ValueError, match="a DaemonSet is not resized in place"):
        kind_of({"kind": "DaemonSet"})
    assert ("web", "statefulset/db") == (argument("Deployment", "web"), argument("StatefulSet", "db"))


def test_an_autoscaler_of_a_deployment_of_the_name_is_not_its() -> None:
    """Kind and name both have to be those of the target."""
    refs = [{"kind": kind, "name": "db"} for kind in ("Deployment", "StatefulSet")]
    items = [{"metadata": {"name": ref["kind"]}, "spec": {"scaleTargetRef": ref}} for ref in refs]
    client, _ = double_client(lambda _m, path, _b: (200, {"items": items if "horizontal" in path else []}))
    found = read_autoscalers(client, "shop", "db", "StatefulSet")
    assert ["StatefulSet"] == [each["metadata"]["name"] for each in found.horizontal]


def listing(status: int) -> Client:
    """Return a client that gets one unfinished workload of each kind, or this status for StatefulSets."""
    web, db = deployment(OLD), stateful_set(OLD)
    ours = dataclasses.replace(JOURNAL, kind="Deployment", uid="uid-web")
    web["metadata"]["annotations"] = {ANNOTATION: ours.text()}
    db["metadata"]["annotations"] = {ANNOTATION: JOURNAL.text()}

    def server(_method: str, path: str, _body: object) -> tuple[int, Json]:
        if "statefulsets" in path:
            return status, {"items": [db]} if status == 200 else {"message": "no"}
        return 200, {"items": [web]}

    return double_client(server)[0]


def test_unfinished_work_of_both_kinds_is_found() -> None:
    """A missing right to list StatefulSets does not hide a Deployment's."""
    assert ["web", "db"] == [left.name for left in all_unfinished(listing(200), "shop")]
    assert ["web"] == [left.name for left in all_unfinished(listing(403), "shop")]


def test_a_plan_for_none_says_its_kind() -> None:
    """Nothing is there yet."""
    assert Plan("shop", "db", "", "rollout", kind="StatefulSet").lines()[0].startswith("StatefulSet shop/db")
