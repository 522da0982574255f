"""A workload: what is wrong with its arguments, and the Deployment that they become."""

from collections.abc import Iterator, Mapping
from typing import Any

from components.model import (
    annotations,
    container,
    disruption,
    init_order,
    lifecycle,
    names,
    patch,
    placement,
    pod_security,
    resources,
    security_context,
    volume,
)
from components.model.problem import UNKNOWN, Problem, entries, in_range, known, one_of, unique, whole_number

NAME_LABEL = "app.kubernetes.io/name"
IN_PLACE = ("preferred", "required", "off")
RESIZE_FAILURE_POLICIES = ("rollback", "rollout", "wait")
_INT32 = 2**31 - 1
_INT64 = 2**63 - 1
_PROGRESS_DEADLINE = 600
# A ReplicaSet is called after its Deployment, with a dash and a hash of up to 10 characters.
_LONGEST_NAME = 253 - 11
RESTART_ANNOTATION = "kubernetes-emerging/restart"
_POD_FIELDS = (
    "runtimeClassName",
    "serviceAccountName",
    "nodeSelector",
    "tolerations",
    "affinity",
    "topologySpreadConstraints",
    "priorityClassName",
    "shareProcessNamespace",
    "terminationGracePeriodSeconds",
)


def problems(args: Mapping[str, Any], *, grace: int | None = None) -> Iterator[Problem]:
    """Yield everything that is wrong with a workload's arguments (snake_case, `UNKNOWN` where not known yet).

    `grace` is the grace period of pods whose arguments name none; by default that of `pod_spec`.
    """
    yield from names.dns_label("namespace", args.get("namespace"))
    yield from names.dns_subdomain("name", args.get("name"), _LONGEST_NAME, rule="replica-set-name")
    yield from in_range("replicas", args.get("replicas"), 0, _INT32)
    seconds = args.get("termination_grace_period_seconds")
    yield from in_range("termination_grace_period_seconds", seconds, 0, _INT32, "grace")
    yield from _own(args)
    yield from _min_ready(args)
    yield from _labels(args)
    yield from _structure(args)
    allowed = args.get("allow_host_path")
    opened = allowed in (True, UNKNOWN) or args.get("pod_security") in ("privileged", UNKNOWN)
    yield from volume.problems(args.get("volumes"), allow_host_path=opened, containers=_container_names(args))
    yield from _placement(args)
    yield from _strategy(args.get("strategy"))
    yield from _containers(args, grace)
    yield from init_order.problems(args.get("init_containers"), args.get("sidecars"))
    yield from disruption.problems(args)
    yield from patch.problems(args)


def resizable_problems(args: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with a workload's arguments when its pods are to be resized in place."""
    yield from problems(args)
    if args.get("in_place") in {None, "preferred", "required"} and args.get("containers") not in (None, UNKNOWN, []):
        yield from _best_effort(args)


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
    if args.get("topologySpreadConstraints"):
        spread = placement.spread(args["topologySpreadConstraints"], selector(name, args.get("matchLabels")))
        args = {**args, "topologySpreadConstraints": spread}
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
    Sidecars come after the init containers that run to their end, unless those name one that they come after, each
    with `restartPolicy: Always`, which is what makes an init container a sidecar (KEP-753).
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
        spec["initContainers"] = init_order.arranged(init, sidecars)
    if args.get("volumes"):
        spec["volumes"] = [volume.manifest(each, config_maps.get(each.get("name"))) for each in args["volumes"]]
    if args.get("imagePullSecrets"):
        spec["imagePullSecrets"] = [{"name": name} for name in args["imagePullSecrets"]]
    spec |= {field: args[field] for field in _POD_FIELDS if args.get(field) is not None}
    changes = args.get("podSpecPatch") or {}
    return lifecycle.completed(patch.applied(spec, changes), changes)


def deciding(args: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the single values (camelCase) that decide on other parts of the pod template than their own place."""
    yield from lifecycle.timings(args)
    yield from init_order.deciding(args)
    for field in ("initContainers", "sidecars", "containers"):
        yield from security_context.privileges(args.get(field))
    runtime = args.get("runtime")
    if isinstance(runtime, Mapping):  # what is a module is told by preset and command
        yield runtime.get("preset")
        for field in ("initContainers", "sidecars", "containers"):
            yield from ((entry.get("command") or [None])[0] for _, entry in entries(args.get(field)))
    if args.get("podSpecPatch"):  # its lists merge by name
        for field in ("initContainers", "sidecars", "containers", "volumes"):
            yield from (entry.get("name") for _, entry in entries(args.get(field)))


def container_ports(args: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the ports of the main containers and the sidecars, in the order they are written."""
    return [
        port
        for field in ("containers", "sidecars")
        for each in args.get(field) or []
        for port in each.get("ports") or []
    ]


def _own(args: Mapping[str, Any]) -> Iterator[Problem]:
    """Check the fields that are the component's own, which the API server never sees."""
    yield from in_range("patience_seconds", args.get("patience_seconds"), 1, 86400, "own")
    yield from one_of("in_place", args.get("in_place"), IN_PLACE, "preferred", "own")
    policy = args.get("resize_failure_policy")
    yield from one_of("resize_failure_policy", policy, RESIZE_FAILURE_POLICIES, "rollback", "own")
    if policy == "rollout" and args.get("in_place") == "required":
        message = "a rollout is what in_place: required rules out"
        yield Problem("resize_failure_policy", message, "write rollback or wait", "own")
    if args.get("moved_from") is UNKNOWN or args.get("moved_from") == "":
        remedy = "write the Pulumi name or the URN of the Deployment"
        yield Problem("moved_from", "it is not known, or empty", remedy, "own")


def _min_ready(args: Mapping[str, Any]) -> Iterator[Problem]:
    seconds, patience = args.get("min_ready_seconds"), args.get("patience_seconds")
    yield from in_range("min_ready_seconds", seconds, 0, _INT32)
    deadline = progress_deadline(patience) if isinstance(patience, int | float) else _PROGRESS_DEADLINE
    if patience is not UNKNOWN and isinstance(seconds, int | float) and deadline <= seconds <= _INT32:
        yield Problem(
            "min_ready_seconds",
            f"{seconds:g} is not less than the {deadline} seconds that a rollout may stand still",
            "lower it, or set patience_seconds higher than it",
        )


def _added(args: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for field in ("init_containers", "sidecars", "containers"):
        found |= security_context.added_annotations(args.get(field))
    return found


def _labels(args: Mapping[str, Any]) -> Iterator[Problem]:
    match, labels = args.get("match_labels"), args.get("labels")
    yield from names.labels("match_labels", match)
    yield from names.labels("labels", labels)
    written, restart = args.get("annotations"), args.get("restart")
    restarting = {} if restart is None else {RESTART_ANNOTATION: restart}
    annotated = {**written, **restarting} if isinstance(written, dict) else written or restarting
    yield from annotations.pod_problems("annotations", annotated, _container_names(args), _added(args))
    yield from names.labels("node_selector", args.get("node_selector"))
    if isinstance(match, dict) and all(value is None for value in match.values()):
        yield Problem("match_labels", "it is empty", "write at least one label, or leave it out", "empty")
    name = args.get("name")
    if match is None and isinstance(name, str) and len(name) > 63:
        yield Problem("name", "it is too long to be a label value", "write at most 63 characters, or match_labels")
    selected = match if isinstance(match, dict) else {NAME_LABEL: name or UNKNOWN}
    for key, value in labels.items() if isinstance(labels, dict) else ():
        if key in selected and known(value) and known(selected[key]) and value != selected[key]:
            yield Problem(f"labels[{key!r}]", f"the selector wants {selected[key]!r}", "leave it out here", "selector")


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
    places = [(f"image_pull_secrets[{i}]", name) for i, name in enumerate(secrets if isinstance(secrets, list) else ())]
    for place, secret in places:
        yield from names.reference(place, secret)
    # Accepted once, and refused by every later server-side apply, which knows them by their name.
    yield from unique(places, "name")
    yield from tolerations("tolerations", args.get("tolerations"))
    yield from placement.affinity_problems("affinity", args.get("affinity"))
    own = selector(args.get("name") or UNKNOWN, args.get("match_labels"))
    yield from placement.spread_problems("topology_spread_constraints", args.get("topology_spread_constraints"), own)
    yield from one_of("pod_security", args.get("pod_security"), pod_security.LEVELS, pod_security.LEVELS[0], "own")


def tolerations(path: str, value: Any) -> Iterator[Problem]:
    """Yield what is wrong with a list of tolerations."""
    for index, toleration in entries(value):
        place = f"{path}[{index}]"
        key, operator, effect = (toleration.get(field) for field in ("key", "operator", "effect"))
        yield from one_of(f"{place}.operator", operator, ("Equal", "Exists"), "Equal", "operator")
        yield from one_of(f"{place}.effect", effect, ("NoSchedule", "PreferNoSchedule", "NoExecute"))
        if isinstance(key, str) and key:
            yield from names.label_key(f"{place}.key", key)
        if key in (None, "") and operator in (None, "", "Equal"):
            yield Problem(
                place, "without a key it tolerates nothing", "write its key, or operator Exists for every taint"
            )
        if operator == "Exists" and toleration.get("value") not in (None, "", UNKNOWN):
            yield Problem(f"{place}.value", "operator Exists looks at no value", "leave it out")
        yield from names.label_value(f"{place}.value", toleration.get("value"))
        seconds = toleration.get("toleration_seconds")
        if seconds is not None and effect not in ("NoExecute", UNKNOWN):
            remedy = "write effect NoExecute, or leave it out"
            yield Problem(f"{place}.toleration_seconds", "only NoExecute has a time", remedy)
        yield from in_range(f"{place}.toleration_seconds", seconds, -_INT64, _INT64)


def _strategy(strategy: Any) -> Iterator[Problem]:
    if not isinstance(strategy, dict):
        return
    kind, bounds = strategy.get("type"), strategy.get("rolling_update")
    yield from one_of("strategy.type", kind, ("RollingUpdate", "Recreate"), "RollingUpdate")
    if kind == "Recreate" and bounds is not None:
        yield Problem("strategy.rolling_update", "Recreate has none", "leave it out")
    if isinstance(bounds, dict):
        limits = {field: share(bounds.get(field)) for field in ("max_surge", "max_unavailable")}
        for field, limit in limits.items():
            path, value = f"strategy.rolling_update.{field}", bounds.get(field)
            if isinstance(value, str) and limit is None:
                yield Problem(path, f"{value!r} is no number", "write '1' or '25%', for example")
            elif limit is not None and limit > _INT32:
                yield Problem(path, f"{value!r} is out of range", f"write at most {_INT32}", "surge")
            elif field == "max_unavailable" and limit is not None and limit > 100 and str(value).endswith("%"):
                yield Problem(path, f"{value!r} is more than all pods", "write at most 100%")
        if set(limits.values()) == {0}:
            yield Problem("strategy.rolling_update", "both are 0, so nothing could move", "raise one of them")


def share(value: Any) -> int | None:
    """Return the number in a number or percentage of pods, None where there is none."""
    return whole_number(value.removesuffix("%")) if isinstance(value, str) else None


def _best_effort(args: Mapping[str, Any]) -> Iterator[Problem]:
    listed = list(patch.container_resources(args))
    if listed and resources.is_best_effort(listed):
        yield Problem(
            "containers",
            "no container has a request or limit of cpu or memory, and such pods (BestEffort) can never be resized",
            "write resources.requests, or in_place: off",
            "best-effort",
        )


def _container_names(args: Mapping[str, Any]) -> set[str] | None:
    groups = [patch.names_of(args, group, *fields) for group, fields in patch.GROUPS.items()]
    return None if None in groups else {name for group in groups for name in group or ()}


def _containers(args: Mapping[str, Any], grace: int | None) -> Iterator[Problem]:
    volumes = patch.names_of(args, "volumes", "volumes", "volume_claim_templates")
    seconds = lifecycle.judged_grace(args, grace)
    yield from lifecycle.problems(args, grace)
    configs = [(each.get("name"), each.get("config")) for _, each in entries(args.get("volumes"))]
    live = {str(name) for name, config in configs if isinstance(config, dict) and config.get("on_change") == "live"}
    place_names, port_names, others = [], [], _container_names(args)
    for field in ("init_containers", "sidecars", "containers"):
        for index, entry in entries(args.get(field)):
            place = f"{field}[{index}]"
            yield from container.problems(place, entry, volumes, live, others)
            yield from security_context.annotation_problems(place, entry, args.get("annotations"))
            if field == "init_containers":
                yield from container.init_problems(place, entry)
            else:
                yield from container.sleep_problems(place, entry, seconds)
            if field == "sidecars":
                yield from container.sidecar_problems(place, entry)
            place_names.append((f"{place}.name", entry.get("name")))
            port_names += [(f"{place}.ports[{i}].name", port.get("name")) for i, port in entries(entry.get("ports"))]
    yield from unique(place_names, "name")
    yield from unique(port_names, "name", "port-name")
    yield from _reloads(args)


def _reloads(args: Mapping[str, Any]) -> Iterator[Problem]:
    """Check that what is told of a live config's change mounts it."""
    told = [each for field in ("sidecars", "containers") for _, each in entries(args.get(field))]
    late = any(args.get(field) is UNKNOWN or UNKNOWN in (args.get(field) or ()) for field in ("sidecars", "containers"))
    for index, each in entries(args.get("volumes")):
        config = each.get("config")
        reload = config.get("reload") if isinstance(config, dict) and config.get("on_change") == "live" else None
        if not isinstance(reload, dict):
            continue
        place = f"volumes[{index}].config.reload"
        if reload.get("command") == []:
            yield Problem(f"{place}.command", "it is empty", "write the program and its arguments", "own")
        name = reload.get("container")
        mounts = [found.get("volume_mounts") for found in told if found.get("name") in (name, UNKNOWN)]
        if late or not isinstance(name, str) or any(_may_mount(listed, each.get("name")) for listed in mounts):
            continue
        remedy = "name a main container or a sidecar that mounts it"
        yield Problem(f"{place}.container", f"no container {name!r} mounts the volume", remedy, "own")


def _may_mount(mounts: Any, volume: Any) -> bool:
    names_of_mounts = [each.get("name") for _, each in entries(mounts)]
    return mounts is UNKNOWN or volume is UNKNOWN or UNKNOWN in names_of_mounts or volume in names_of_mounts
