"""A workload: what is wrong with its arguments, and the Deployment that they become."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from components.model import container, names, volume
from components.model.problem import UNKNOWN, Problem, entries, in_range, known, one_of, unique

NAME_LABEL = "app.kubernetes.io/name"
IN_PLACE = ("preferred", "required", "off")
RESIZE_FAILURE_POLICIES = ("rollback", "rollout", "wait")
_INT32 = 2**31 - 1
_PROGRESS_DEADLINE = 600
_GRACE = 30
RESTART_ANNOTATION = "kubernetes-emerging/restart"
_POD_FIELDS = (
    "runtimeClassName",
    "serviceAccountName",
    "nodeSelector",
    "tolerations",
    "priorityClassName",
    "terminationGracePeriodSeconds",
)


def problems(args: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield everything that is wrong with a workload's arguments (snake_case, `UNKNOWN` where not known yet)."""
    yield from names.dns_label("namespace", args.get("namespace"))
    yield from names.dns_subdomain("name", args.get("name"))
    yield from in_range("replicas", args.get("replicas"), 0, _INT32)
    yield from in_range("min_ready_seconds", args.get("min_ready_seconds"), 0, _INT32)
    yield from in_range("termination_grace_period_seconds", args.get("termination_grace_period_seconds"), 0, _INT32)
    yield from in_range("patience_seconds", args.get("patience_seconds"), 1, 86400)
    yield from one_of("in_place", args.get("in_place"), IN_PLACE, "preferred")
    policy = args.get("resize_failure_policy")
    yield from one_of("resize_failure_policy", policy, RESIZE_FAILURE_POLICIES, "rollback")
    if policy == "rollout" and args.get("in_place") == "required":
        yield Problem(
            "resize_failure_policy", "a rollout is what in_place: required rules out", "write rollback or wait"
        )
    if args.get("moved_from") is UNKNOWN or args.get("moved_from") == "":
        yield Problem("moved_from", "it is not known, or empty", "write the Pulumi name or the URN of the Deployment")
    yield from _labels(args)
    yield from _structure(args)
    allowed = args.get("allow_host_path")
    yield from volume.problems(args.get("volumes"), allow_host_path=allowed is True or allowed is UNKNOWN)
    yield from _placement(args)
    yield from _strategy(args.get("strategy"))
    yield from _containers(args)


def selector(name: Any, match_labels: Any) -> Any:
    """Return the labels by which the Deployment knows its pods."""
    return match_labels or {NAME_LABEL: name}


def labels(name: Any, labels: Any, match_labels: Any) -> dict[str, Any]:
    """Return the labels of the Deployment and of its pods."""
    return {**(labels or {}), **selector(name, match_labels)}


def template(name: Any, args: Mapping[str, Any], config_maps: Mapping[str, Any]) -> dict[str, Any]:
    """Return the pod template for a workload's arguments (camelCase)."""
    metadata: dict[str, Any] = {"labels": labels(name, args.get("labels"), args.get("matchLabels"))}
    restart = {} if args.get("restart") is None else {RESTART_ANNOTATION: args["restart"]}
    if args.get("annotations") or restart:
        metadata["annotations"] = {**(args.get("annotations") or {}), **restart}
    return {"metadata": metadata, "spec": pod_spec(args, config_maps)}


def deployment_spec(args: Mapping[str, Any], *, selector: Any, template: Any, deadline: Any) -> dict[str, Any]:
    """Return the spec of the Deployment around its selector and template; `deadline` in seconds."""
    spec = {"selector": {"matchLabels": selector}, "template": template, "progressDeadlineSeconds": deadline}
    return spec | {
        field: args[field] for field in ("replicas", "strategy", "minReadySeconds") if args.get(field) is not None
    }


def progress_deadline(patience: float) -> int:
    """Return the seconds without progress that a rollout may take: Kubernetes' default, or the patience if longer."""
    return max(_PROGRESS_DEADLINE, int(patience))


def pod_spec(args: Mapping[str, Any], config_maps: Mapping[str, Any]) -> dict[str, Any]:
    """Return the pod spec for a workload's arguments (camelCase).

    `config_maps` gives for each volume with `config` the name of the ConfigMap that holds its content.
    Sidecars come after the init containers that run to their end, each with `restartPolicy: Always`, which is
    what makes an init container a sidecar (KEP-753).
    """
    init = [container.with_defaults(each) for each in args.get("initContainers") or []]
    sidecars = [{**container.with_defaults(each), "restartPolicy": "Always"} for each in args.get("sidecars") or []]
    security: dict[str, Any] = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    if args.get("fsGroup") is not None:
        security["fsGroup"] = args["fsGroup"]
    spec: dict[str, Any] = {
        "automountServiceAccountToken": args.get("automountServiceAccountToken") or False,
        "securityContext": security,
        "containers": [container.with_defaults(each) for each in args["containers"]],
    }
    if init or sidecars:
        spec["initContainers"] = init + sidecars
    if args.get("volumes"):
        spec["volumes"] = [volume.manifest(each, config_maps.get(each["name"])) for each in args["volumes"]]
    if args.get("imagePullSecrets"):
        spec["imagePullSecrets"] = [{"name": name} for name in args["imagePullSecrets"]]
    spec |= {field: args[field] for field in _POD_FIELDS if args.get(field) is not None}
    pause = longest_pause(args)
    if pause and "terminationGracePeriodSeconds" not in spec:
        spec["terminationGracePeriodSeconds"] = pause + _GRACE
    patched = merge(spec, args.get("podSpecPatch") or {})
    return dict(patched)


def longest_pause(args: Mapping[str, Any]) -> int:
    """Return the seconds of the longest `preStop` sleep among main containers and sidecars (camelCase), 0 for none.

    All sleep at the same time, before their SIGTERM, while the grace period goes on (KEP-753, KEP-3960). One that only
    the deployment knows does not count.
    """
    found = [0]
    for field in ("containers", "sidecars"):
        for each in args.get(field) or []:
            sleep = ((each.get("lifecycle") or {}).get("preStop") or {}).get("sleep") or {}
            seconds = sleep.get("seconds")
            found += [int(seconds)] if isinstance(seconds, int | float) else []
    return max(found)


def container_ports(args: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the ports of the main containers and the sidecars, in the order they are written."""
    return [
        port
        for field in ("containers", "sidecars")
        for each in args.get(field) or []
        for port in each.get("ports") or []
    ]


def merge(base: Any, patch: Any, field: str = "") -> Any:
    """Return `base` with a merge patch (RFC 7386) applied, where lists of objects with a key merge by it.

    The key is `name`, of volume mounts `mountPath`; a list in which it is missing or comes twice is replaced.
    """
    if isinstance(base, dict) and isinstance(patch, Mapping):
        merged = {key: value for key, value in base.items() if patch.get(key, value) is not None}
        return merged | {key: merge(base.get(key), value, key) for key, value in patch.items() if value is not None}
    key = "mountPath" if field == "volumeMounts" else "name"
    if _keyed(base, key) and _keyed(patch, key):
        changes = {entry[key]: entry for entry in patch}
        kept = [merge(entry, changes.pop(entry[key], {})) for entry in base]
        return kept + list(changes.values())
    return patch


def _keyed(value: Any, key: str) -> bool:
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        return False
    keys = [entry.get(key) if isinstance(entry, Mapping) else None for entry in value]
    return None not in keys and all(isinstance(each, str) for each in keys) and len(set(keys)) == len(keys)


def _labels(args: Mapping[str, Any]) -> Iterator[Problem]:
    match, labels = args.get("match_labels"), args.get("labels")
    yield from names.labels("match_labels", match)
    yield from names.labels("labels", labels)
    yield from names.labels("annotations", args.get("annotations"), values=False)
    yield from names.labels("node_selector", args.get("node_selector"))
    if match == {}:
        yield Problem("match_labels", "it is empty", "write at least one label, or leave it out")
    name = args.get("name")
    if match is None and isinstance(name, str) and len(name) > 63:
        yield Problem("name", "it is too long to be a label value", "write at most 63 characters, or match_labels")
    selected = match if isinstance(match, dict) else {NAME_LABEL: name or UNKNOWN}
    for key, value in labels.items() if isinstance(labels, dict) else ():
        if key in selected and known(value) and known(selected[key]) and value != selected[key]:
            yield Problem(f"labels[{key!r}]", f"the selector wants {selected[key]!r}", "leave it out here")


def _structure(args: Mapping[str, Any]) -> Iterator[Problem]:
    """Check the lists: the one of volumes has to be known, for it decides which ConfigMaps there are."""
    volumes = args.get("volumes")
    listed = volumes if isinstance(volumes, list) else []
    late = [f"volumes[{index}]" for index, entry in enumerate(listed) if entry is UNKNOWN]
    late += [f"volumes[{index}].config" for index, entry in entries(listed) if entry.get("config") is UNKNOWN]
    for path in ["volumes"] if volumes is UNKNOWN else late:
        yield Problem(
            path,
            "it is not known before the deployment, and decides which ConfigMaps there are",
            "write it out; the values inside may come later",
        )
    if args.get("containers") == []:
        yield Problem("containers", "it is empty", "write at least one container")


def _placement(args: Mapping[str, Any]) -> Iterator[Problem]:
    yield from in_range("fs_group", args.get("fs_group"), 0, _INT32)
    for field in ("service_account_name", "priority_class_name"):
        yield from names.dns_subdomain(field, args.get(field))
    secrets = args.get("image_pull_secrets")
    for index, secret in enumerate(secrets if isinstance(secrets, list) else ()):
        yield from names.dns_subdomain(f"image_pull_secrets[{index}]", secret)
    yield from tolerations("tolerations", args.get("tolerations"))


def tolerations(path: str, value: Any) -> Iterator[Problem]:
    """Yield what is wrong with a list of tolerations."""
    for index, toleration in entries(value):
        place = f"{path}[{index}]"
        yield from one_of(f"{place}.operator", toleration.get("operator"), ("Equal", "Exists"), "Equal")
        effects = ("NoSchedule", "PreferNoSchedule", "NoExecute")
        yield from one_of(f"{place}.effect", toleration.get("effect"), effects)


def _strategy(strategy: Any) -> Iterator[Problem]:
    if not isinstance(strategy, dict):
        return
    kind, bounds = strategy.get("type"), strategy.get("rolling_update")
    yield from one_of("strategy.type", kind, ("RollingUpdate", "Recreate"), "RollingUpdate")
    if kind == "Recreate" and bounds is not None:
        yield Problem("strategy.rolling_update", "Recreate has none", "leave it out")
    if isinstance(bounds, dict):
        for field in ("max_surge", "max_unavailable"):
            value = bounds.get(field)
            if isinstance(value, str) and not re.fullmatch(r"\d+|\d+%", value):
                yield Problem(
                    f"strategy.rolling_update.{field}", f"{value!r} is no number", "write '1' or '25%', for example"
                )
        if {bounds.get("max_surge"), bounds.get("max_unavailable")} <= {"0", "0%"}:
            yield Problem("strategy.rolling_update", "both are 0, so nothing could move", "raise one of them")


def _containers(args: Mapping[str, Any]) -> Iterator[Problem]:
    patch = args.get("pod_spec_patch")
    patched = patch.get("volumes") if isinstance(patch, dict) else patch
    listed = [entry.get("name") for source in (args.get("volumes"), patched) for _, entry in entries(source)]
    volumes = None if UNKNOWN in (*listed, patched) else {name for name in listed if isinstance(name, str)}
    configs = [(each.get("name"), each.get("config")) for _, each in entries(args.get("volumes"))]
    live = {str(name) for name, config in configs if isinstance(config, dict) and config.get("on_change") == "live"}
    place_names, port_names = [], []
    for field in ("init_containers", "sidecars", "containers"):
        for index, entry in entries(args.get(field)):
            place = f"{field}[{index}]"
            yield from container.problems(place, entry, volumes, live)
            if field == "init_containers":
                yield from container.init_problems(place, entry)
            if field == "sidecars":
                yield from container.sidecar_problems(place, entry)
            place_names.append((f"{place}.name", entry.get("name")))
            port_names += [(f"{place}.ports[{i}].name", port.get("name")) for i, port in entries(entry.get("ports"))]
    yield from unique(place_names, "name")
    yield from unique(port_names, "name")
