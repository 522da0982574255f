"""The order in which a pod's containers start and stop, and the arithmetic of its grace period."""

from typing import Any

import pytest

from components.model import lifecycle, workload
from components.model.problem import UNKNOWN


def each(name: str, stop: Any = None, pause: Any = None, **more: Any) -> dict[str, Any]:
    """Return a container (camelCase) that stops for so many seconds after a sleep of so many."""
    made: dict[str, Any] = {"name": name, **more}
    if stop is not None:
        made["stopSeconds"] = stop
    if pause is not None:
        made["lifecycle"] = {"preStop": {"sleep": {"seconds": pause}}}
    return made


def sidecar(name: str, stop: Any = None, pause: Any = None, **more: Any) -> dict[str, Any]:
    """Return a sidecar (camelCase)."""
    return each(name, stop, pause, restartPolicy="Always", **more)


def spec(mains: list[dict[str, Any]], *init: dict[str, Any]) -> dict[str, Any]:
    """Return a pod spec."""
    return {"containers": mains, "initContainers": list(init)}


def test_orders() -> None:
    """Starts are in the list's order, and sidecars stop the other way round after all main containers."""
    made = spec([each("app"), each("web")], each("wait"), sidecar("proxy"), each("migrate"), sidecar("logs"))

    assert ["wait", "proxy", "migrate", "logs", "app", "web"] == lifecycle.start_order(made)
    assert ["app", "web", "logs", "proxy"] == lifecycle.stop_order(made)


@pytest.mark.parametrize(
    ("seconds", "words", "mains", "init"),
    [
        (20, "app 20", [each("app", 20)], []),
        (
            50,
            "app: pre_stop 10 + stop 20 = 30; then proxy 15; then logs 5",
            [each("app", 20, 10)],
            [sidecar("logs", 5), sidecar("proxy", 15)],
        ),
        # Of main containers, which stop together, the one that takes longest counts.
        (25, "web 25", [each("app", 5, 10), each("web", 25)], []),
        # A sidecar's own sleep runs from the beginning on; only what goes beyond its turn counts.
        (25, "app 20; then logs 5", [each("app", 20)], [sidecar("logs", 5, 20)]),
        (35, "app 20; then logs: pre_stop until 30 + stop 5 = 35", [each("app", 20)], [sidecar("logs", 5, 30)]),
        # What ran to its end before does not count.
        (7, "app 7", [each("app", 7)], [each("migrate", 99)]),
        (0, "", [each("app")], [sidecar("logs")]),
    ],
)
def test_a_budget_is_added_up(seconds: int, words: str, mains: Any, init: Any) -> None:
    """Main containers together, then one sidecar after another, in words that can be checked."""
    assert lifecycle.Budget(seconds, words) == lifecycle.budget(spec(mains, *init))


@pytest.mark.parametrize(
    ("expected", "mains", "init"),
    [
        (30, [each("app")], []),
        (30, [each("app")], [sidecar("logs")]),
        (50, [each("app", None, 20)], [sidecar("logs")]),
        (90, [each("app")], [sidecar("logs", None, 60)]),
        (45, [each("app")], [sidecar("proxy", 15)]),
        (30, [each("app", 10)], [sidecar("proxy")]),
        (70, [each("app", 60)], [sidecar("a", 10), sidecar("b")]),
        (15, [each("app", 10)], [sidecar("proxy", 5)]),
        (2, [each("app", 1), each("web", 2)], []),
    ],
)
def test_the_grace_period_is_the_sum_of_the_parts(expected: int, mains: Any, init: Any) -> None:
    """Who does not say shares 30 s after the longest sleep; where all say, it is what they say."""
    assert expected == lifecycle.grace_period(spec(mains, *init))


@pytest.mark.parametrize(
    ("expected", "args"),
    [
        (None, {"containers": [each("app")]}),
        (40, {"containers": [each("app", 40)]}),
        (45, {"containers": [each("app", 40)], "sidecars": [each("logs", 5, gatesStart=False)]}),
        (60, {"containers": [each("app", 40)], "terminationGracePeriodSeconds": 60}),
        (60, {"containers": [each("app", 40)], "podSpecPatch": {"terminationGracePeriodSeconds": 60}}),
        (None, {"containers": [each("app", 40)], "podSpecPatch": {"terminationGracePeriodSeconds": None}}),
        # A sleep that the patch brings counts, and so does a sidecar.
        (50, {"containers": [each("app")], "podSpecPatch": {"containers": [each("app", None, 20)]}}),
        (
            52,
            {
                "containers": [each("app", 40)],
                "sidecars": [each("logs", 5)],
                "podSpecPatch": {"initContainers": [sidecar("x", None, 22)]},
            },
        ),
    ],
)
def test_a_pod_spec_gets_its_grace_period(expected: int | None, args: dict[str, Any]) -> None:
    """Kubernetes' own default stays away; what containers say of themselves never reaches the API server."""
    made = workload.pod_spec(args, {})

    assert expected == made.get("terminationGracePeriodSeconds")
    for group in ("containers", "initContainers"):
        assert not [name for entry in made.get(group, ()) for name in ("stopSeconds", "gatesStart") if name in entry]


def words(args: dict[str, Any], default: int | None = None) -> list[str]:
    """Return what is told of arguments whose times do not fit."""
    return [str(problem) for problem in lifecycle.problems(args, default)]


def test_a_budget_that_cannot_hold_shows_its_arithmetic() -> None:
    """The parts, their sum, what the grace period is and what to write instead."""
    app = {"name": "app", "stop_seconds": 20, "lifecycle": {"pre_stop": {"sleep": {"seconds": 10}}}}
    args: dict[str, Any] = {
        "containers": [app],
        "sidecars": [{"name": "logs", "stop_seconds": 5}, {"name": "proxy", "stop_seconds": 15}],
        "termination_grace_period_seconds": 40,
    }

    (told,) = words(args)
    assert (
        "termination_grace_period_seconds: app: pre_stop 10 + stop 20 = 30; then proxy 15; then logs 5: 50 s, but it "
        "is 40; write at least 50, or lower stop_seconds, or leave it out: it is computed then"
    ) == told
    assert [] == words({**args, "termination_grace_period_seconds": 50})
    assert [] == words({**args, "termination_grace_period_seconds": None})


def test_a_budget_is_that_of_the_patched_pod() -> None:
    """A sleep of the patch takes the place of the one in the arguments, and one that is null takes it away."""
    app = {"name": "app", "stop_seconds": 20, "lifecycle": {"pre_stop": {"sleep": {"seconds": 5}}}}
    args: dict[str, Any] = {"containers": [app], "termination_grace_period_seconds": 40}
    longer = {"containers": [{"name": "app", "lifecycle": {"preStop": {"sleep": {"seconds": 25}}}}]}

    assert "app: pre_stop 25 + stop 20 = 45" in words({**args, "pod_spec_patch": longer})[0]
    gone = {"containers": [{"name": "app", "lifecycle": None}], "terminationGracePeriodSeconds": 20}
    assert [] == words({**args, "pod_spec_patch": gone})


def test_a_default_cannot_be_left_out() -> None:
    """Where the pods have a grace period of their own kind, it has to be written to be longer."""
    (told,) = words({"containers": [{"name": "app", "stop_seconds": 5}]}, default=2)

    assert "termination_grace_period_seconds: app 5: 5 s, but it is 2; write at least 5, or lower stop_seconds" == told


@pytest.mark.parametrize(
    "late",
    [
        {"containers": UNKNOWN},
        {"containers": [UNKNOWN]},
        {"sidecars": UNKNOWN},
        {"pod_spec_patch": UNKNOWN},
        {"containers": [{"name": "app", "stop_seconds": UNKNOWN}]},
        {"containers": [{"name": "app", "lifecycle": UNKNOWN}]},
        {"containers": [{"name": "app", "lifecycle": {"pre_stop": UNKNOWN}}]},
        {"containers": [{"name": "app", "lifecycle": {"pre_stop": {"sleep": UNKNOWN}}}]},
        {"containers": [{"name": "app", "lifecycle": {"pre_stop": {"sleep": {"seconds": UNKNOWN}}}}]},
    ],
)
def test_what_is_not_known_yet_is_not_judged(late: dict[str, Any]) -> None:
    """A grace period that follows from a late value is late itself."""
    args = {"containers": [{"name": "app"}], **late}

    assert UNKNOWN is lifecycle.judged_grace(args, None)
    assert [] == words(args)


def test_what_is_certain_is_judged_beside_what_is_late() -> None:
    """A late value can only make the sum longer."""
    sidecars = [{"name": "logs", "stop_seconds": UNKNOWN}]
    args = {"containers": [{"name": "app", "stop_seconds": 50}], "sidecars": sidecars}

    assert "app 50: 50 s, but it is 30" in words({**args, "termination_grace_period_seconds": 30})[0]


@pytest.mark.parametrize(
    ("found", "handler"),
    [
        ("kill", {"exec": {"command": ["sh", "-c", "kill 1"]}}),
        ("quit", {"exec": {"command": ["nginx", "-s", "quit"]}}),
        ("quitquitquit", {"httpGet": {"port": 15000, "path": "/quitquitquit"}}),
        (None, {"exec": {"command": ["sh", "-c", "echo skills; sleep 5"]}}),
        (None, {"httpGet": {"port": 80}}),
        (None, {"sleep": {"seconds": 5}}),
    ],
)
def test_a_pre_stop_that_ends_a_sidecar_is_pointed_out(found: str | None, handler: dict[str, Any]) -> None:
    """It runs while main containers still work; what a main container does to itself is its own business."""
    ending = {"lifecycle": {"preStop": handler}}
    told = list(lifecycle.warnings(spec([each("app", **ending)], each("init"), sidecar("proxy", **ending))))

    assert int(found is not None) == len(told)
    assert all(f"sidecar 'proxy': its preStop ({found})" in text for text in told)
