"""What somebody asks about on a command line, and when a plan spares every pod."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from components.actions.errors import ActionError
from components.actions.resize.desired import manifest_of, with_sizes
from components.actions.resize.planning import Plan
from components.actions.resize.verdict import Verdict
from tests.unit.actions.doubles import container, deployment, template

LIVE = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    **deployment(template(container(requests={"cpu": "100m"}), container("b"))),
}


def test_sizes_are_written_into_a_copy_of_the_live_one() -> None:
    """The live object stays as it is; what was not there is made."""
    wanted = with_sizes(LIVE, ["app.requests.cpu=200m", "b.limits.memory=64Mi"])

    app, other = wanted["spec"]["template"]["spec"]["containers"]
    assert {"requests": {"cpu": "200m"}} == app["resources"]
    assert {"limits": {"memory": "64Mi"}} == other["resources"]
    assert "100m" == LIVE["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"]
    assert "status" not in wanted


def test_every_size_that_means_nothing_is_told_at_once() -> None:
    """Form, container and quantity."""
    with pytest.raises(ActionError) as caught:
        with_sizes(LIVE, ["cpu=1", "c.requests.cpu=1", "app.requests.memory=128m"])
    assert [
        "'cpu=1' is no size; write CONTAINER.requests|limits.cpu|memory=QUANTITY, such as nginx.requests.cpu=200m",
        "there is no container 'c'; the containers are app, b",
        "app.requests.memory=128m: '128m' is 0.128 bytes; write '128Mi' for mebibytes",
    ] == str(caught.value).splitlines()


def test_a_manifest_is_found_among_others(tmp_path: Path) -> None:
    """By kind, name and namespace; without a namespace it is the live one's."""
    path = tmp_path / "all.yaml"
    other = {"kind": "Service", "metadata": {"name": "web"}}
    own = {"kind": "Deployment", "metadata": {"name": "web"}, "spec": {}}
    path.write_text(yaml.safe_dump_all([other, own]))
    assert {**own, "metadata": {"name": "web", "namespace": "shop"}} == manifest_of(path, LIVE)

    path.write_text(yaml.safe_dump(other))
    with pytest.raises(ActionError, match="has no Deployment shop/web"):
        manifest_of(path, LIVE)
    path.write_text("a: [")
    with pytest.raises(ActionError, match="it is not YAML"):
        manifest_of(path, LIVE)
    with pytest.raises(ActionError, match="No such file"):
        manifest_of(tmp_path / "none", LIVE)


def verdict(outcome: Any) -> Verdict:
    """Return a verdict."""
    return Verdict("app", "requests.cpu", "1", "2", outcome)


@pytest.mark.parametrize(
    ("plan", "spares"),
    [
        ({"outcome": "in-place", "verdicts": [verdict("in-place")]}, True),
        ({"outcome": "in-place", "verdicts": [verdict("in-place"), verdict("container-restart")]}, False),
        ({"outcome": "rollout", "verdicts": [verdict("in-place")]}, False),
        ({"outcome": "rollout", "verdicts": []}, True),
        ({"outcome": "rollout", "verdicts": [verdict("in-place")], "empty": True}, True),
        ({"outcome": "rollout", "verdicts": [], "judged": False}, False),
        ({"outcome": "refused", "verdicts": []}, False),
        ({"outcome": "unchanged", "verdicts": []}, True),
    ],
)
def test_what_in_place_required_lets_through(plan: dict[str, Any], spares: bool) -> None:
    """A size in place and nothing else; a rollout for the sake of an image, say, is another matter."""
    assert spares == Plan("shop", "web", "uid", **plan).spares_pods
