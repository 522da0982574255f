"""Registrations as plain data."""

import threading

import pytest
from pulumi.runtime.proto import resource_pb2

from lab.engine.errors import StepError, Unsupported
from lab.engine.goals import read_goal, seconds
from lab.engine.providers import Providers

Request = resource_pb2.RegisterResourceRequest


@pytest.mark.parametrize(
    ("option", "feature"),
    [
        ({"importId": "x"}, "importing existing resources"),
        ({"deletedWith": "urn"}, "the deleted_with option"),
        ({"remote": True}, "remote components"),
        ({"hooks": Request.ResourceHooksBinding(before_delete=["a"])}, "delete hooks"),
    ],
)
def test_options_that_are_not_honoured_are_named(option: dict[str, object], feature: str) -> None:
    """An option that would silently do nothing is an error that names it."""
    with pytest.raises(Unsupported, match=feature):
        read_goal(Request(type="a:b:C", name="c", **option))  # type: ignore[arg-type]


def test_a_goal_is_complete() -> None:
    """What the program asked for is there, in plain types."""
    timeouts = Request.CustomTimeouts(create="1m30s")
    hooks = Request.ResourceHooksBinding(before_update=["resize"], on_error=["again"])
    request = Request(type="a:b:C", name="c", custom=True, protect=True, customTimeouts=timeouts, hooks=hooks)
    request.ignoreChanges.append("spec.replicas")
    goal = read_goal(request)
    assert ({"create": 90.0}, {"BeforeUpdate": ["resize"], "OnError": ["again"]}) == (goal.timeouts, goal.hooks)
    assert ["spec.replicas"] == goal.ignore_changes
    assert (True, False, None) == (goal.protect, goal.retain_on_delete, goal.delete_before_replace)


@pytest.mark.parametrize(("text", "expected"), [("90s", 90.0), ("5m", 300.0), ("1h30m", 5400.0), ("1.5s", 1.5)])
def test_durations(text: str, expected: float) -> None:
    """Durations are read as Go writes them."""
    assert expected == seconds(text)


def test_malformed_duration() -> None:
    """A malformed duration is named."""
    with pytest.raises(StepError, match="'soon'"):
        seconds("soon")


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"kubeconfig": "x", "deleteUnreachable": "true"}, "settings deleteUnreachable"),
        ({"kubeconfig": "x", "enableServerSideApply": "false"}, "enable_server_side_apply=False"),
    ],
)
def test_provider_settings_that_are_not_honoured(inputs: dict[str, str], message: str) -> None:
    """A provider setting that is not honoured is an error that names it."""
    with pytest.raises(Unsupported, match=message):
        Providers(threading.Event()).check("p", inputs, None)


def test_no_default_provider() -> None:
    """A resource without an explicit provider is refused, whatever kubeconfig is around."""
    with pytest.raises(Unsupported, match="without an explicit provider"):
        Providers(threading.Event()).get("", "kubernetes:core/v1:Pod")
