"""Annotations of pods: their keys, their size, and those that the API server reads.

Source: ValidateAnnotations in k8s.io/apimachinery/pkg/api/validation and ValidatePodSpecificAnnotations in
k8s.io/kubernetes/pkg/apis/core/validation.
"""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from components.model import names
from components.model.problem import Problem, entry_path, whole_number

_LARGEST = 256 * 1024
_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"
_APP_ARMOR_PROFILE = re.compile(r"|runtime/default|unconfined|localhost/.*", re.DOTALL)
# What stands for annotations that no node reads any more, or that nobody but a node may write.
_DEAD = {
    "seccomp.security.alpha.kubernetes.io/pod": "the pods have the runtime's default profile; another: pod_spec_patch",
    "container.seccomp.security.alpha.kubernetes.io/": "use pod_spec_patch for another profile",
    "scheduler.alpha.kubernetes.io/tolerations": "use the field tolerations",
    "kubernetes.io/config.mirror": "only a kubelet writes it; leave it out",
}


def problems(path: str, annotations: Any, added: Mapping[str, str] = MappingProxyType({})) -> Iterator[Problem]:
    """Yield what is wrong with the annotations of any object, in whose keys upper case counts as lower.

    Those that the API server adds count towards their size.
    """
    if not isinstance(annotations, dict):
        return
    for key in annotations:
        yield from names.label_key(entry_path(path, key), key.lower())
    texts = [text for entry in {**added, **annotations}.items() for text in entry if isinstance(text, str)]
    size = sum(len(text.encode()) for text in texts)
    if size > _LARGEST:
        yield Problem(path, f"they have {size} bytes", f"annotations hold {_LARGEST}; a config volume holds more")


def pod_problems(
    path: str, annotations: Any, containers: set[str] | None, added: Mapping[str, str]
) -> Iterator[Problem]:
    """Yield what is wrong with a pod's; `containers` are its containers' names, or None when they are not all known."""
    yield from problems(path, annotations, added)
    for key, value in annotations.items() if isinstance(annotations, dict) else ():
        place = entry_path(path, key)
        for dead, remedy in _DEAD.items():
            if key.startswith(dead) if dead.endswith("/") else key == dead:
                yield Problem(place, "this annotation has no effect", remedy, "dead-annotation")
        if key == _DELETION_COST and isinstance(value, str) and not _is_int32(value):
            yield Problem(place, f"{value!r} is not a whole number", "write one such as '-100'")
        if key.startswith(_APP_ARMOR):
            yield from _app_armor(place, key.removeprefix(_APP_ARMOR), value, containers)


def _app_armor(place: str, container: str, value: Any, containers: set[str] | None) -> Iterator[Problem]:
    if containers is not None and container not in containers:
        yield Problem(place, f"there is no container {container!r}", f"name one of: {', '.join(sorted(containers))}")
    if isinstance(value, str) and not _APP_ARMOR_PROFILE.fullmatch(value):
        yield Problem(place, f"{value!r} names no profile", "write runtime/default, unconfined or localhost/<profile>")


def _is_int32(text: str) -> bool:
    number = whole_number(text.removeprefix("-"))
    if number is None or (text.startswith("0") and text != "0"):
        return False
    return number <= 2**31 if text.startswith("-") else number < 2**31
