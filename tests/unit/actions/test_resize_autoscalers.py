"""What autoscalers make of a change of sizes."""

from typing import Any

import pytest

from components.actions.client import Json
from components.actions.resize.autoscalers import Autoscalers, read_autoscalers, shifts, updating
from components.actions.resize.planning import decide
from components.actions.resize.verdict import Facts
from tests.unit.actions.doubles import container, double_client, template
from tests.unit.actions.test_resize_verdict import facts, guaranteed

SMALL, LARGE = {"cpu": "100m", "memory": "64Mi"}, {"cpu": "200m", "memory": "64Mi"}


def hpa(resource: str = "cpu", target: int = 60, now: int | None = 90, of: str = "web", name: str = "h") -> Json:
    """Return a HorizontalPodAutoscaler on the utilisation of a resource."""
    current = [] if now is None else [{"resource": {"name": resource, "current": {"averageUtilization": now}}}]
    metric = {"type": "Resource", "resource": {"name": resource, "target": {"averageUtilization": target}}}
    spec = {"scaleTargetRef": {"kind": "Deployment", "name": of}, "metrics": [metric]}
    return {"metadata": {"name": name}, "spec": spec, "status": {"currentMetrics": current}}


def vpa(mode: str | None, of: str = "web") -> Json:
    """Return a VerticalPodAutoscaler in a mode."""
    policy = {"updatePolicy": {"updateMode": mode}} if mode else {}
    return {"metadata": {"name": "v"}, "spec": {"targetRef": {"kind": "Deployment", "name": of}, **policy}}


def changed(**found: Any) -> Facts:
    """Return the facts of a doubled CPU with these autoscalers."""
    return facts(template(guaranteed(SMALL)), template(guaranteed(LARGE)), autoscalers=Autoscalers(**found))


def test_an_hpa_is_allowed_and_its_shift_is_said() -> None:
    """Twice the request halves what it reads at the same use."""
    plan = decide(changed(horizontal=(hpa(),)))

    assert "in-place" == plan.outcome
    (note,) = plan.notes
    assert "HorizontalPodAutoscaler h aims at 60 % of the requested cpu" in note
    assert "goes from 90 % to about 45 %" in note
    assert note in "\n".join(plan.lines())
    assert [note] == plan.to_json()["notes"]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (hpa(now=None), "what it reads goes times 0.50"),
        (hpa(resource="memory"), ""),
        ({**hpa(), "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}}}, ""),
    ],
)
def test_what_an_hpa_reads_is_said_where_it_changes(found: Json, words: str) -> None:
    """Without a reading the factor is told; a resource that stays, and metrics of other kinds, are no matter."""
    said = "\n".join(
        shifts(Autoscalers((found,)), template(guaranteed(SMALL))["spec"], template(guaranteed(LARGE))["spec"])
    )
    assert words in said
    assert bool(words) == bool(said)


def test_a_container_metric_looks_at_its_container() -> None:
    """The requests of the others do not count."""
    metric = {"containerResource": {"name": "cpu", "container": "app", "target": {"averageUtilization": 50}}}
    found = hpa()
    found["spec"]["metrics"], found["status"] = [metric], {}
    old, new = (
        template(container(requests={"cpu": app}), container("other", requests={"cpu": "1"}))["spec"]
        for app in ("100m", "400m")
    )
    (note,) = shifts(Autoscalers((found,)), old, new)
    assert "goes times 0.25" in note


@pytest.mark.parametrize("mode", [None, "Auto", "Recreate", "InPlaceOrRecreate", "InPlace"])
def test_a_vpa_that_updates_pods_refuses(mode: str | None) -> None:
    """It would undo the change; what to do is said."""
    plan = decide(changed(vertical=(vpa(mode),)))

    assert ("refused", False) == (plan.outcome, plan.spares_pods)
    assert "VerticalPodAutoscaler v" in plan.reasons[0]
    assert "set its updateMode to Off or Initial first" in plan.reasons[0]


@pytest.mark.parametrize("mode", ["Off", "Initial"])
def test_a_vpa_that_leaves_pods_alone_is_no_matter(mode: str) -> None:
    """It recommends, or sizes new pods only."""
    assert [] == list(updating(Autoscalers(vertical=(vpa(mode),))))
    assert "in-place" == decide(changed(vertical=(vpa(mode),))).outcome


def test_a_change_of_the_image_is_no_business_of_a_vpa() -> None:
    """It has a say in sizes alone."""
    old, new = template(guaranteed(SMALL)), template(guaranteed(SMALL, image="localhost/nginx:1.27"))
    assert "rollout" == decide(facts(old, new, autoscalers=Autoscalers(vertical=(vpa("Auto"),)))).outcome


def test_only_those_that_aim_at_it_are_read() -> None:
    """A kind that the cluster does not have is none; one that may not be listed is unknown."""

    def answer(_method: str, path: str, _body: Any) -> tuple[int, Any]:
        if "horizontal" in path:
            return 200, {"items": [hpa(), hpa(of="other", name="o")]}
        return 404, {"message": "not found"}

    found = read_autoscalers(double_client(answer)[0], "shop", "web")
    assert (["h"], (), ()) == ([each["metadata"]["name"] for each in found.horizontal], found.vertical, found.unknown)
    refused = read_autoscalers(double_client(lambda *_: (403, {"message": "no"}))[0], "shop", "web")
    assert [
        "whether a HorizontalPodAutoscaler aims at it is unknown: no",
        "whether a VerticalPodAutoscaler aims at it is unknown: no",
    ] == list(shifts(refused, {}, {}))
