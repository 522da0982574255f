"""Effective requests and QoS classes against the API server: what a quota counts, and the class that a pod gets."""

import random
from typing import Any

from components.actions.client import Client, Json, path_of
from components.model import effective, quantity
from tests.api.actions.live import eventually

QUOTA = {"requests.cpu": "100", "requests.memory": "100Gi", "requests.ephemeral-storage": "100Gi"}
QUOTA |= {"requests.example.com/widget": "1k"}
BOTH = {"cpu": "10m", "memory": "16Mi"}


def container(name: str, requests: Json | None = None, limits: Json | None = None, **more: Any) -> Json:
    """Return a container with these sizes."""
    resources = {kind: given for kind, given in (("requests", requests), ("limits", limits)) if given}
    return {"name": name, "image": "none-such", "resources": resources, **more}


def spec(app: Json, *init: Json, **more: Any) -> Json:
    """Return a pod spec that no node takes: it is admitted and counted, and nothing runs."""
    return {"containers": [app], "initContainers": list(init), "nodeSelector": {"none": "such"}, **more}


def golden() -> list[Json]:
    """Return the pods of KEP-753's example, a tenth as large, and pods of both classes."""
    i1, i2 = container("i1", {**BOTH, "cpu": "50m"}), container("i2", {**BOTH, "cpu": "30m"})
    s1 = container("s1", BOTH, restartPolicy="Always")
    s2 = container("s2", {**BOTH, "cpu": "5m"}, restartPolicy="Always")
    app = container("app", {**BOTH, "cpu": "20m"})
    even = {"limits": BOTH}
    return [
        spec(app, i1, s1, i2, s2),
        spec(app, s1, i2, s2),
        spec(app, s1, s2),
        spec(container("app", None, BOTH), container("s", None, BOTH, restartPolicy="Always")),
        spec(container("app", BOTH, BOTH), container("s", {"cpu": "10m"}, BOTH, restartPolicy="Always")),
        spec(container("app", BOTH, {**BOTH, "cpu": "20m"}), container("i", **even)),
        spec(container("app", None, {**BOTH, "example.com/widget": "2", "ephemeral-storage": "1M"}), s1),
    ]


def drawn(dice: random.Random) -> Json:
    """Return a pod of arbitrary containers, sizes and phases."""
    amounts = {"cpu": ("5m", "0.01", "33m"), "memory": ("16Mi", "1e7", "20000Ki"), "ephemeral-storage": ("1M", "3Mi")}

    def sizes() -> Json:
        return {name: dice.choice(listed) for name, listed in amounts.items() if dice.random() < 0.6}

    def one(name: str) -> Json:
        # The quota wants a word of cpu, memory and disk from every container.
        limits = {**{name: listed[-1] for name, listed in amounts.items()}, **sizes()} if dice.random() < 0.5 else None
        asked = {**{name: listed[0] for name, listed in amounts.items()}, **sizes()} if limits is None else None
        return container(name, asked, limits)

    init: list[Json] = [one(f"i{number}") for number in range(dice.randint(0, 4))]
    for each in init:
        if dice.random() < 0.5:
            each["restartPolicy"] = "Always"
    return spec(one("app"), *init)


def test_quotas_and_classes_are_the_computed_ones(client: Client, namespace: str) -> None:
    """A quota's use grows with each pod by its effective requests, and each pod has its class."""
    client.create(path_of("v1", "resourcequotas", namespace), {"metadata": {"name": "all"}, "spec": {"hard": QUOTA}})
    # A quota counts from its controller's first look at it.
    eventually(lambda: "hard" in client.get(path_of("v1", "resourcequotas", namespace, "all")).get("status", {}))
    dice = random.Random(7)  # noqa: S311  # the same pods every time
    classes, total = set(), dict.fromkeys(QUOTA, quantity.parse("0"))
    for number, body in enumerate([*golden(), *(drawn(dice) for _ in range(25))]):
        for each in [*body["containers"], *body["initContainers"]]:
            # Without a word about a resource that it counts the quota refuses a pod.
            asked = each["resources"].setdefault("requests", {})
            for name in ("cpu", "memory", "ephemeral-storage"):
                if name not in each["resources"].get("limits", {}):
                    asked.setdefault(name, "0")
        metadata = {"name": f"pod-{number}"}
        pod = client.create(path_of("v1", "pods", namespace), {"metadata": metadata, "spec": body})
        assert effective.qos_class(body) == pod["status"]["qosClass"], body
        classes.add(pod["status"]["qosClass"])
        for name, amount in effective.requests(body).items():
            total[f"requests.{name}"] += quantity.parse(amount)
        used = client.get(path_of("v1", "resourcequotas", namespace, "all"))["status"]["used"]
        assert total == {name: quantity.parse(used[name]) for name in QUOTA}, body
    assert {"Guaranteed", "Burstable"} == classes
