"""Where pods run: affinity, and how they are spread.

Source: validateAffinity and validateTopologySpreadConstraints in
k8s.io/kubernetes/pkg/apis/core/validation/validation.go, and ValidateLabelSelector of apimachinery.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.model import names
from components.model.problem import UNKNOWN, Problem, entries, in_range, known, one_of

_INT32 = 2**31 - 1
_REQUIRED = "required_during_scheduling_ignored_during_execution"
_PREFERRED = "preferred_during_scheduling_ignored_during_execution"
_WITH_VALUES = ("In", "NotIn")
_WITHOUT = ("Exists", "DoesNotExist")
_COMPARING = ("Gt", "Lt")
_NUMBER = re.compile("-?[0-9]{1,18}")


def affinity_problems(path: str, affinity: Any) -> Iterator[Problem]:
    """Yield what is wrong with an affinity."""
    if not isinstance(affinity, dict):
        return
    yield from _node_affinity(f"{path}.node_affinity", affinity.get("node_affinity"))
    for field in ("pod_affinity", "pod_anti_affinity"):
        wanted = affinity.get(field)
        if not isinstance(wanted, dict):
            continue
        for index, term in entries(wanted.get(_REQUIRED)):
            yield from _pod_term(f"{path}.{field}.{_REQUIRED}[{index}]", term)
        for index, entry in entries(wanted.get(_PREFERRED)):
            place = f"{path}.{field}.{_PREFERRED}[{index}]"
            yield from in_range(f"{place}.weight", entry.get("weight"), 1, 100)
            if isinstance(entry.get("pod_affinity_term"), dict):
                yield from _pod_term(f"{place}.pod_affinity_term", entry["pod_affinity_term"])


def spread_problems(path: str, constraints: Any, own: Any) -> Iterator[Problem]:
    """Yield what is wrong with topology spread constraints; `own` are the labels by which a workload knows its pods."""
    seen = set()
    for index, constraint in entries(constraints):
        place = f"{path}[{index}]"
        key, action = constraint.get("topology_key"), constraint.get("when_unsatisfiable")
        yield from in_range(f"{place}.max_skew", constraint.get("max_skew"), 1, _INT32)
        yield from _topology(f"{place}.topology_key", key, "label")
        yield from one_of(f"{place}.when_unsatisfiable", action, ("DoNotSchedule", "ScheduleAnyway"))
        yield from in_range(f"{place}.min_domains", constraint.get("min_domains"), 1, _INT32)
        if constraint.get("min_domains") is not None and action == "ScheduleAnyway":
            yield Problem(f"{place}.min_domains", "ScheduleAnyway has none", "leave it out, or write DoNotSchedule")
        for field, default in (("node_affinity_policy", "Honor"), ("node_taints_policy", "Ignore")):
            yield from one_of(f"{place}.{field}", constraint.get(field), ("Honor", "Ignore"), default)
        selector = constraint.get("label_selector")
        yield from _selector(f"{place}.label_selector", selector)
        counted = {"match_labels": own} if selector is None else selector
        yield from _agreeing(f"{place}.match_label_keys", constraint.get("match_label_keys"), counted)
        if known(key) and known(action):
            if (key, action) in seen:
                yield Problem(place, f"{key!r} has a constraint with {action} already", "write one of them")
            seen.add((key, action))


def spread(constraints: Sequence[Mapping[str, Any]], own: Any) -> list[dict[str, Any]]:
    """Return topology spread constraints (camelCase) that count the pods with the labels `own` where they say nothing.

    Without a selector Kubernetes counts no pods at all, and such a constraint has no effect.
    """
    return [{"labelSelector": {"matchLabels": own}, **constraint} for constraint in constraints]


def _node_affinity(path: str, affinity: Any) -> Iterator[Problem]:
    if not isinstance(affinity, dict):
        return
    required = affinity.get(_REQUIRED)
    terms = required.get("node_selector_terms") if isinstance(required, dict) else None
    if terms == []:
        message = "without a term there is no node for the pods"
        yield Problem(f"{path}.{_REQUIRED}.node_selector_terms", message, "write at least one")
    for index, term in entries(terms):
        yield from _node_term(f"{path}.{_REQUIRED}.node_selector_terms[{index}]", term, "")
    for index, entry in entries(affinity.get(_PREFERRED)):
        place = f"{path}.{_PREFERRED}[{index}]"
        yield from in_range(f"{place}.weight", entry.get("weight"), 1, 100)
        if isinstance(entry.get("preference"), dict):
            yield from _node_term(f"{place}.preference", entry["preference"], "label")


def _node_term(path: str, term: Mapping[str, Any], rule: str) -> Iterator[Problem]:
    """Check a term; the rule is for values that no label has, which the API server takes where they only cost."""
    if not any(term.get(field) for field in ("match_expressions", "match_fields")):
        yield Problem(path, "it has no condition, and so no effect", "write match_expressions", "empty")
    for index, wanted in entries(term.get("match_expressions")):
        place = f"{path}.match_expressions[{index}]"
        yield from _requirement(place, wanted, rule, comparing=True)
    for index, wanted in entries(term.get("match_fields")):
        place, values = f"{path}.match_fields[{index}]", wanted.get("values")
        yield from one_of(f"{place}.key", wanted.get("key"), ("metadata.name",))
        yield from one_of(f"{place}.operator", wanted.get("operator"), _WITH_VALUES)
        if values is not UNKNOWN and (not isinstance(values, list) or len(values) != 1):
            yield Problem(f"{place}.values", "a field is compared with one value", "write one name of a node")
        for number, value in enumerate(values if isinstance(values, list) else ()):
            yield from names.dns_subdomain(f"{place}.values[{number}]", value)


def _requirement(
    place: str, wanted: Mapping[str, Any], rule: str = "", *, comparing: bool = False
) -> Iterator[Problem]:
    key, operator, values = (wanted.get(field) for field in ("key", "operator", "values"))
    if isinstance(key, str):
        yield from names.label_key(f"{place}.key", key)
    allowed = (*_WITH_VALUES, *_WITHOUT, *(_COMPARING if comparing else ()))
    yield from one_of(f"{place}.operator", operator, allowed)
    listed = values if isinstance(values, list) else []
    if values is not UNKNOWN and operator in _WITH_VALUES and not listed:
        yield Problem(f"{place}.values", f"{operator} needs values", "write at least one")
    if operator in _WITHOUT and listed:
        yield Problem(f"{place}.values", f"{operator} looks at no value", "leave it out")
    if values is not UNKNOWN and operator in _COMPARING and len(listed) != 1:
        yield Problem(f"{place}.values", f"{operator} compares with one number", "write one")
    for number, value in enumerate(listed):
        yield from names.label_value(f"{place}.values[{number}]", value, rule)
        if operator in _COMPARING and isinstance(value, str) and not _NUMBER.fullmatch(value):
            yield Problem(f"{place}.values[{number}]", f"{value!r} is not a whole number", "write one", "label")


def _selector(path: str, selector: Any) -> Iterator[Problem]:
    if not isinstance(selector, dict):
        return
    yield from names.labels(f"{path}.match_labels", selector.get("match_labels"))
    for index, wanted in entries(selector.get("match_expressions")):
        yield from _requirement(f"{path}.match_expressions[{index}]", wanted)


def _pod_term(path: str, term: Mapping[str, Any]) -> Iterator[Problem]:
    yield from _topology(f"{path}.topology_key", term.get("topology_key"))
    selector = term.get("label_selector")
    yield from _selector(f"{path}.label_selector", selector)
    yield from _selector(f"{path}.namespace_selector", term.get("namespace_selector"))
    namespaces = term.get("namespaces")
    for index, namespace in enumerate(namespaces if isinstance(namespaces, list) else ()):
        yield from names.dns_label(f"{path}.namespaces[{index}]", namespace)
    agreeing, differing = term.get("match_label_keys"), term.get("mismatch_label_keys")
    yield from _agreeing(f"{path}.match_label_keys", agreeing, selector)
    for index, key in enumerate(differing if isinstance(differing, list) else ()):
        if isinstance(key, str):
            yield from names.label_key(f"{path}.mismatch_label_keys[{index}]", key)
            if isinstance(agreeing, list) and key in agreeing:
                message = f"{key!r} is in match_label_keys, too"
                yield Problem(f"{path}.mismatch_label_keys[{index}]", message, "write it in one of them")


def _agreeing(path: str, keys: Any, selector: Any) -> Iterator[Problem]:
    """Check labels in which pods have to agree: those that the selector fixes agree already."""
    fixed: set[Any] = set()
    if isinstance(selector, dict):
        labels = selector.get("match_labels")
        fixed |= set(labels) if isinstance(labels, dict) else set()
        fixed |= {wanted.get("key") for _, wanted in entries(selector.get("match_expressions"))}
    for index, key in enumerate(keys if isinstance(keys, list) else ()):
        if not isinstance(key, str):
            continue
        yield from names.label_key(f"{path}[{index}]", key)
        if key in fixed:
            yield Problem(f"{path}[{index}]", f"label_selector has {key!r} already", "leave it out", "label")


def _topology(path: str, key: Any, rule: str = "") -> Iterator[Problem]:
    if isinstance(key, str) and not names.is_qualified(key):
        remedy = "write the key of a label of nodes, such as kubernetes.io/hostname"
        yield Problem(path, f"{key!r} is not a label key", remedy, rule if key else "")
