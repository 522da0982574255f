"""What admission would make of pods, asked of an API server's double: dry runs, and a namespace's level."""

from typing import Any

import pytest

from components.actions import admission
from components.actions.client import Json
from tests.unit.actions.doubles import Handler, container, deployment, double_client, template
from tests.unit.actions.test_failures import LOST

PROXY = container("proxy", restartPolicy="Always")
ASKED = deployment(template(container(), init=[container("setup"), PROXY]))
ROOT = deployment(template(container(securityContext={"runAsUser": 0})))


def answering(status: int, body: Any) -> Handler:
    """Return an API server that answers everything so."""
    return lambda *_: (status, body)


@pytest.mark.parametrize(("exists", "name"), [(False, {"name": "web"}), (True, {"generateName": "web-"})])
def test_the_dry_run_leaves_no_trace(exists: bool, name: Json) -> None:
    """It is one, of the same spec; an object that is there is asked about under another name."""
    client, transport = double_client(answering(201, ASKED))

    assert [] == admission.losses(client, ASKED, exists=exists)
    ((method, path, body, _),) = transport.requests
    assert ("POST", True) == (method, path.endswith("/deployments?dryRun=All"))
    assert (ASKED["spec"], name) == (body["spec"], {k: v for k, v in body["metadata"].items() if k != "labels"})


def test_what_it_says_of_sidecars_is_told() -> None:
    """What it would store without them, and what it refuses for what is left over of them."""
    stripped = {key: value for key, value in PROXY.items() if key != "restartPolicy"}
    stored = deployment(template(container(), init=[container("setup"), stripped]))
    for answer in ((201, stored), (422, {"message": LOST, "reason": "Invalid"})):
        client, _ = double_client(answering(*answer))
        assert ["proxy"] == [each.container for each in admission.losses(client, ASKED, exists=False)]


@pytest.mark.parametrize(
    ("status", "message"),
    [(403, "deployments.apps is forbidden"), (404, "namespaces not found"), (400, "webhook does not support dry run")],
)
def test_what_cannot_be_asked_tells_nothing(status: int, message: str) -> None:
    """The write itself is what tells it."""
    client, _ = double_client(answering(status, {"message": message}))

    assert [] == admission.losses(client, ASKED, exists=False)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (None, None),
        ({"pod-security.kubernetes.io/warn": "restricted"}, None),
        ({"pod-security.kubernetes.io/enforce": "baseline"}, None),
        ({"pod-security.kubernetes.io/enforce": "restricted"}, "enforces the Pod Security level restricted"),
    ],
)
def test_a_level_that_pods_are_below_is_told(labels: Json | None, words: str | None) -> None:
    """With container, field and remedy; a namespace without one, or with one that fits, is no matter."""
    client, transport = double_client(answering(200, {"metadata": {"name": "shop", "labels": labels}}))
    told = list(admission.below_enforced(client, ROOT))

    assert ["GET"] == [method for method, *_ in transport.requests]
    assert bool(words) == bool(told)
    assert words is None or words in told[0]
    assert words is None or "app: securityContext.runAsUser: 0 is root" in told[0]
    assert words is None or "-> label the namespace pod-security.kubernetes.io/enforce: baseline" in told[0]


def test_a_namespace_that_may_not_be_read_is_unknown() -> None:
    """And only who is below the strictest level asks."""
    client, transport = double_client(answering(403, {"message": "namespaces is forbidden"}))
    fine = {
        "allowPrivilegeEscalation": False,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }

    assert [] == list(admission.below_enforced(client, deployment(template(container(securityContext=fine)))))
    assert [] == transport.requests
    (told,) = admission.below_enforced(client, ROOT)
    assert "whether namespace shop takes these pods is unknown" in told
