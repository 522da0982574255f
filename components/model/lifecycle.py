"""How a pod starts and ends: the order of its containers, and the seconds that its end may take.

Orders and times are those of finished pod specs (camelCase, the patch applied); arguments come in snake_case with
`UNKNOWN` for values that are not known yet. Sources: KEP-753, and kuberuntime_termination_order.go and
kuberuntime_container.go in k8s.io/kubernetes/pkg/kubelet/kuberuntime.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from components.model import container, patch
from components.model.problem import UNKNOWN, Problem, entries

DEFAULT_GRACE = 30
"""Kubernetes' own grace period, which containers share that do not say how long they need."""
# What containers say of themselves to the component alone.
_OWN_FIELDS = ("stopSeconds", "gatesStart")
_GROUPS = ("containers", "initContainers")
_ENDS_IT = re.compile(r"\b(p?kill|killall5?|quit\w*|shutdown|stop)\b")


@dataclass(frozen=True)
class Budget:
    """The seconds from the beginning of a pod's end to the end of its last container, and the sum in words."""

    seconds: int
    arithmetic: str


def start_order(spec: Mapping[str, Any]) -> list[str]:
    """Return the names of init containers, sidecars and main containers as the kubelet starts them."""
    return [_name(each) for group in ("initContainers", "containers") for _, each in entries(spec.get(group))]


def stop_order(spec: Mapping[str, Any]) -> list[str]:
    """Return the names of the containers as the kubelet stops them.

    Main containers get their SIGTERM together, each after its own preStop; then the sidecars one after another, the
    last one first. Init containers that ran to their end are over by then.
    """
    return [_name(each) for each in [*_mains(spec), *_sidecars_backwards(spec)]]


def budget(spec: Mapping[str, Any], unsaid: int = 0) -> Budget:
    """Return how long the pod's end takes; a main container that does not say takes `unsaid`, a sidecar nothing.

    Every preStop runs from the beginning on. A sidecar's SIGTERM comes when that is over and everything that started
    after the sidecar has ended. Only sleeps have a known time: other handlers are part of what a container says.
    """
    seconds, words = 0, []
    for each in _mains(spec):
        name, pause, stop = _name(each), _pause(each), _stop(each, unsaid)
        if pause + stop > seconds:
            seconds = pause + stop
            words = [f"{name}: pre_stop {pause} + stop {stop} = {seconds}" if pause else f"{name} {stop}"]
    for each in _sidecars_backwards(spec):
        name, pause, stop = _name(each), _pause(each), _stop(each, 0)
        if pause > seconds:
            words.append(f"{name}: pre_stop until {pause} + stop {stop} = {pause + stop}")
        elif stop:
            words.append(f"{name} {stop}")
        seconds = max(seconds, pause) + stop
    return Budget(seconds, "; then ".join(words))


def grace_period(spec: Mapping[str, Any]) -> int:
    """Return the grace period that the parts of a pod's end add up to.

    Where a container does not say how long it needs, it is at least 30 seconds after the longest pause.
    """
    ending = [*_mains(spec), *_sidecars_backwards(spec)]
    whole = budget(spec, DEFAULT_GRACE).seconds
    if all(_said(each) is not None for each in ending):
        return max(whole, 1)  # 0 would be no grace at all: SIGKILL at once
    return max(whole, DEFAULT_GRACE + max(map(_pause, ending), default=0))


def completed(spec: Mapping[str, Any], patched: Mapping[str, Any]) -> dict[str, Any]:
    """Return a pod spec, to which `patched` was applied, with its grace period and without the component's own fields.

    What is Kubernetes' own default stays away, so that nothing rolls for it.
    """
    made = dict(spec)
    field = "terminationGracePeriodSeconds"
    if field not in made and field not in patched and grace_period(made) != DEFAULT_GRACE:
        made[field] = grace_period(made)
    for group in _GROUPS:
        if isinstance(made.get(group), list):
            made[group] = [
                {key: value for key, value in each.items() if key not in _OWN_FIELDS}
                if isinstance(each, dict)
                else each
                for each in made[group]
            ]
    return made


def timings(args: Mapping[str, Any]) -> Iterator[Any]:
    """Yield everything in a workload's arguments (camelCase) that its grace period is computed from."""
    for field in ("containers", "sidecars"):
        for _, each in entries(args.get(field)):
            yield from (container.pause(each, "preStop"), each.get("stopSeconds"))


def warnings(spec: Mapping[str, Any]) -> Iterator[str]:
    """Yield what in a pod spec ends a sidecar before the main containers that still need it."""
    for each in _sidecars_backwards(spec):
        handler = _at(_at(each, "lifecycle"), "preStop")
        command, path = _at(_at(handler, "exec"), "command"), _at(_at(handler, "httpGet"), "path")
        if found := _ENDS_IT.search(" ".join(map(str, command)) if isinstance(command, list) else str(path)):
            yield (
                f"sidecar {_name(each)!r}: its preStop ({found[0]}) runs at the very beginning of the pod's end, and "
                "if it ends the sidecar, the main containers, which still work, have lost it; leave it out: the "
                "kubelet sends SIGTERM to a sidecar once everything that started after it has ended"
            )


def problems(args: Mapping[str, Any], default: int | None) -> Iterator[Problem]:
    """Yield what is wrong with the times of a workload's end; `default` as for `judged_grace`."""
    path, grace = _given(args, default)
    spec = _judged(args)
    if spec is None or not isinstance(grace, int | float):
        return
    needed = budget(spec)
    longest = max(map(_pause, [*_mains(spec), *_sidecars_backwards(spec)]), default=0)
    if longest <= grace < needed.seconds:  # a longer pause is told where it stands
        computed = "" if default is not None else ", or leave it out: it is computed then"
        yield Problem(
            path,
            f"{needed.arithmetic}: {needed.seconds} s, but it is {grace:g}",
            f"write at least {needed.seconds}, or lower stop_seconds{computed}",
            "budget",
        )


def judged_grace(args: Mapping[str, Any], default: int | None) -> Any:
    """Return the grace period that a workload's pods will have, `UNKNOWN` when it is not known yet.

    `default` is that of pods whose arguments name none, None where it is computed.
    """
    _, grace = _given(args, default)
    if grace is not None:
        return grace
    spec = _judged(args)
    if spec is None or any(_is_late(each) for each in [*_mains(spec), *_sidecars_backwards(spec)]):
        return UNKNOWN
    return grace_period(spec)


def _given(args: Mapping[str, Any], default: int | None) -> tuple[str, Any]:
    """Return where the grace period is written, and what it says, None where it is to be computed."""
    patched, own = args.get("pod_spec_patch"), args.get("termination_grace_period_seconds")
    if patched is UNKNOWN:
        return "pod_spec_patch", UNKNOWN
    if isinstance(patched, dict) and "terminationGracePeriodSeconds" in patched:
        seconds = patched["terminationGracePeriodSeconds"]
        return "pod_spec_patch.terminationGracePeriodSeconds", DEFAULT_GRACE if seconds is None else seconds
    return "termination_grace_period_seconds", default if own is None else own


def _judged(args: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the containers of the pod spec as far as the end of the pod needs them; None when not all are known.

    The fields of the arguments keep their snake_case beside those of the patch.
    """
    patched = args.get("pod_spec_patch")
    listed = [args.get(field) or [] for field in ("containers", "init_containers", "sidecars")]
    if patched is UNKNOWN or any(each is UNKNOWN or UNKNOWN in each for each in listed):
        return None
    mains, init, sidecars = listed
    spec = {"containers": mains, "initContainers": [*init, *({**each, "restartPolicy": "Always"} for each in sidecars)]}
    changes = {group: patched[group] for group in _GROUPS if group in patched} if isinstance(patched, dict) else {}
    merged: dict[str, Any] = patch.merge(spec, changes)
    return merged


def _mains(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [each for _, each in entries(spec.get("containers"))]


def _sidecars_backwards(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = [each for _, each in entries(spec.get("initContainers")) if each.get("restartPolicy") == "Always"]
    return found[::-1]


def _name(each: Mapping[str, Any]) -> str:
    return str(each.get("name", ""))


def _at(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _said(each: Mapping[str, Any]) -> Any:
    return each.get("stopSeconds", each.get("stop_seconds"))


def _stop(each: Mapping[str, Any], unsaid: int) -> int:
    said = _said(each)
    return int(said) if isinstance(said, int | float) else unsaid


def _sleep(each: Mapping[str, Any]) -> Any:
    patched = container.pause(each, "preStop")
    return container.pause(each, "pre_stop") if patched is None else patched


def _pause(each: Mapping[str, Any]) -> int:
    seconds = _sleep(each)
    return int(seconds) if isinstance(seconds, int | float) else 0


def _is_late(each: Mapping[str, Any]) -> bool:
    moments = each.get("lifecycle")
    handlers = [moments, *(moments.values() if isinstance(moments, dict) else ())]
    asleep = [handler.get("sleep") for handler in handlers if isinstance(handler, dict)]
    return UNKNOWN in (*handlers, *asleep, _said(each), _sleep(each))
