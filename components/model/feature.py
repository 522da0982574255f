"""The features that a stack can use, as text and as values, and the rights that using each takes.

A feature is written as its name. `wasm=<handler>` says which runtime handler, and `wasm=<handler>@<label>=<value>,…` on
which nodes; `kind=<Kind>` which objects are made, and `pod-security=<level>` what pods are. A `?` at the end marks one
that the stack can do without. The same grammar serves component arguments, command lines and JSON.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from components.model import names
from components.model.pod_security import LEVELS
from components.model.problem import Problem

NAMES: Mapping[str, str] = {
    "sidecars": "native sidecars: init containers that go on (KEP-753)",
    "resize": "CPU and memory of running pods changed in place (KEP-1287)",
    "mixed-protocol": "TCP and UDP in one Service",
    "load-balancer": "something that gives Services of type LoadBalancer an address",
    "mixed-protocol-load-balancer": "TCP and UDP, on different port numbers, behind one load balancer (KEP-1435)",
    "same-port-load-balancer": "TCP and UDP on the same port number of one load balancer (KEP-1435)",
    "wasm": "nodes with a WASM runtime, by the name of its handler: wasm=<handler> (KEP-585)",
    "cri": "container runtimes that speak CRI v1, and cgroups, as the kubelets of this and the next minor want them",
    "kind": "objects of a kind, and the rights to make, watch and diagnose them: kind=<Kind>",
    "pod-security": "pods that are below the level restricted: pod-security=<level>",
}


@dataclass(frozen=True)
class Feature:
    """One feature that a stack uses.

    `value` is the handler of `wasm`, the kind of `kind`, the level of `pod-security`; `node_selector` is for `wasm` and
    narrows the nodes that it looks at, as (label, value) pairs; `optional` means that the stack can do without.
    """

    name: str
    value: str = ""
    node_selector: tuple[tuple[str, str], ...] = ()
    optional: bool = False

    def __str__(self) -> str:
        selector = ",".join(f"{label}={value}" for label, value in self.node_selector)
        return self.title + (f"@{selector}" if selector else "") + ("?" if self.optional else "")

    @property
    def title(self) -> str:
        """The feature as it is written, without the mark of an optional one."""
        return f"{self.name}={self.value}" if self.value else self.name


@dataclass(frozen=True)
class Right:
    """A verb on a resource (`pods/resize` names a subresource) of an API group; `cluster` where it has no namespace."""

    verb: str
    resource: str
    group: str = ""
    cluster: bool = False

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}{f'.{self.group}' if self.group else ''}"


def _rights(verbs: str, resource: str, group: str = "", *, cluster: bool = False) -> tuple[Right, ...]:
    return tuple(Right(verb, resource, group, cluster) for verb in verbs.split())


_OBJECT = "get list watch create patch delete"  # what Pulumi's provider does to an object that it owns
_PODS = (
    *_rights("list", "pods"),
    *_rights("get", "pods/log"),
    *_rights("list", "events"),
)
_KINDS: Mapping[str, tuple[Right, ...]] = {
    "Deployment": (*_rights(_OBJECT, "deployments", "apps"), *_rights("list", "replicasets", "apps"), *_PODS),
    "StatefulSet": (*_rights(_OBJECT, "statefulsets", "apps"), *_PODS),
    "DaemonSet": (*_rights(_OBJECT, "daemonsets", "apps"), *_rights("list", "controllerrevisions", "apps"), *_PODS),
    "Job": (*_rights(_OBJECT, "jobs", "batch"), *_PODS),
    "CronJob": (*_rights(_OBJECT, "cronjobs", "batch"), *_rights("list", "jobs", "batch"), *_PODS),
    "ConfigMap": _rights(_OBJECT, "configmaps"),
    "PodDisruptionBudget": _rights(_OBJECT, "poddisruptionbudgets", "policy"),
}
KINDS = tuple(_KINDS)
"""The kinds of objects that workloads make."""
# What a stack is taken for that uses a feature of workloads and names no kind.
_USUAL = ("Deployment", "ConfigMap")
_OF_WORKLOADS = ("sidecars", "resize", "wasm")
_SERVICES = (
    *_rights(_OBJECT, "services"),
    *_rights("list", "pods"),
    *_rights("list", "events"),
    *_rights("list", "endpointslices", "discovery.k8s.io"),
)
_RIGHTS: Mapping[str, tuple[Right, ...]] = {
    "resize": (*_rights("patch", "pods/resize"), *_rights("create", "events")),
    "mixed-protocol": _SERVICES,
    "load-balancer": _SERVICES,
    "mixed-protocol-load-balancer": _SERVICES,
    "same-port-load-balancer": _SERVICES,
    "wasm": _rights(_OBJECT, "runtimeclasses", "node.k8s.io", cluster=True),
}
# What a resize writes beside the pods' sizes, by what keeps them: a template, or by which revision a pod is known.
_RESIZED: Mapping[str, tuple[Right, ...]] = {
    "Deployment": _rights("patch", "replicasets", "apps"),
    "StatefulSet": _rights("patch", "pods"),
}


# Features that take one of some values.
_VALUES: Mapping[str, tuple[str, ...]] = {"kind": KINDS, "pod-security": LEVELS[1:]}


def rights(features: Iterable[Feature]) -> tuple[Right, ...]:
    """Return what the identity that deploys must be allowed to use these features, each right once."""
    wanted = tuple(features)
    return tuple(dict.fromkeys(right for feature in wanted for right in rights_for(feature, wanted)))


def rights_for(feature: Feature, among: Iterable[Feature]) -> tuple[Right, ...]:
    """Return the rights that one feature takes in a stack with these features, which tell the kinds of its objects."""
    if feature.name == "kind":
        return _KINDS[feature.value]
    named = [each.value for each in among if each.name == "kind"]
    usual = _USUAL if feature.name in _OF_WORKLOADS and not named else ()
    resized = [each for each in (named or usual) if each in _RESIZED] if feature.name == "resize" else []
    return (
        *(right for kind in usual for right in _KINDS[kind]),
        *_RIGHTS.get(feature.name, ()),
        *(right for kind in resized for right in _RESIZED[kind]),
    )


def parse(text: str) -> Feature:
    """Return the feature that a text names; ValueError says what is wrong with it and what to write."""
    name, equals, value = text.removesuffix("?").partition("=")
    optional = text.endswith("?")
    if name not in NAMES:
        near = difflib.get_close_matches(name, NAMES, n=1)
        raise ValueError(f"{name!r} is no feature; write {near[0] if near else ', '.join(NAMES)}")
    if name in _VALUES:
        if value not in _VALUES[name]:
            near = difflib.get_close_matches(value, _VALUES[name], n=1)
            listed = ", ".join(f"{name}={each}" for each in near or _VALUES[name])
            raise ValueError(f"{value!r} is no {name} here; write {listed}")
        return Feature(name, value, optional=optional)
    if name != "wasm":
        if equals:
            raise ValueError(f"{name!r} takes no value; write {name}")
        return Feature(name, optional=optional)
    handler, at, labels = value.partition("@")
    wrong = list(names.dns_label("", handler))
    if wrong:
        what = f"its handler is {wrong[0].message}" if handler else "it names no handler"
        raise ValueError(f"{what}; write wasm=<handler>, such as wasm=wasmedge")
    pairs = [pair.partition("=") for pair in labels.split(",")] if at else []
    if not all(label and separator for label, separator, _value in pairs):
        raise ValueError(f"{labels!r} are no labels of nodes; write wasm={handler}@<label>=<value>,<label>=<value>")
    selector = tuple(sorted((label, value) for label, _separator, value in pairs))
    return Feature(name, handler, selector, optional)


def problems(path: str, features: Any) -> Iterator[Problem]:
    """Check a list of features in arguments."""
    for index, text in enumerate(features if isinstance(features, list) else ()):
        if isinstance(text, str):
            try:
                parse(text)
            except ValueError as error:
                message, _, remedy = str(error).partition("; ")
                yield Problem(f"{path}[{index}]", message, remedy)


def merged(features: Iterable[Feature]) -> tuple[Feature, ...]:
    """Return each feature once, in the order of the first mention; one that anybody cannot do without is required."""
    found: dict[Feature, bool] = {}
    for feature in features:
        key = replace(feature, optional=False)
        found[key] = found.get(key, True) and feature.optional
    return tuple(replace(feature, optional=optional) for feature, optional in found.items())
