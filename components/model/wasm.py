"""WASM through a RuntimeClass (node.k8s.io/v1): what is wrong with one, and with a workload that runs under it.

What a module cannot do is that of the narrowest runtime in use: crun built with WasmEdge and called as `crun-wasm`,
which takes every container of a pod for a module. Arguments as in `workload`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from components.model import names, quantity, workload
from components.model.problem import Problem, entries, entry_path, known

DEFAULT_OVERHEAD = {"cpu": "10m", "memory": "24Mi"}
"""What runs for a pod beside its containers, with room to spare. Measured with containerd 2.1: its shim for runc and
crun has 17 MB resident, of which 6 are its own, and the pause container 1 MB."""
GRACE_SECONDS = 2
"""Modules ignore SIGTERM, so a longer grace period would only be waited out; this one lets Services forget the pod."""
USER = 65532
"""WASM images are made from scratch and name no user; the kubelet starts none of them as root."""
HANDLER_ANNOTATION = "kubernetes-emerging/wasm-handler"
"""On the pods: another handler under the same class is another template, so that the running pods move to it."""

_EXEC = "the runtime cannot start a second process beside a WASM module"
_PROBES = ("startup_probe", "readiness_probe", "liveness_probe")
_MOMENTS = ("post_start", "pre_stop")


def runtime_problems(args: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield everything that is wrong with a RuntimeClass's arguments (k8s.io/kubernetes/pkg/apis/node/validation)."""
    yield from names.dns_subdomain("name", args.get("name"))
    yield from names.dns_label("handler", args.get("handler"))
    yield from _overhead("overhead", args.get("overhead"))
    yield from _scheduling("scheduling", args.get("scheduling"))


def overhead(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what each pod costs beside its containers, with the defaults filled in."""
    return {**DEFAULT_OVERHEAD, **given}


def workload_problems(args: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield everything that is wrong with a WASM workload's arguments."""
    yield from workload.problems(args, grace=GRACE_SECONDS)
    runtime, patch = args.get("runtime"), args.get("pod_spec_patch")
    if isinstance(runtime, dict):
        yield from names.dns_subdomain("runtime.class_name", runtime.get("class_name"))
        yield from names.dns_label("runtime.handler", runtime.get("handler"))
        yield from _overhead("runtime.overhead", runtime.get("overhead"))
        yield from _scheduling("runtime.scheduling", runtime.get("scheduling"))
    for field in ("init_containers", "sidecars", "containers"):
        for index, entry in entries(args.get(field)):
            yield from _no_exec(f"{field}[{index}]", entry)
            if field != "containers":
                yield from _is_module(f"{field}[{index}]", entry.get("command"))
    if isinstance(patch, dict):
        yield from _patch(patch)
        yield from _same_overhead(patch.get("overhead"), _at(runtime, "overhead"))
    wanted = _at(_at(runtime, "scheduling"), "node_selector")
    patched = patch.get("nodeSelector") if isinstance(patch, dict) else None
    yield from _no_conflict("node_selector", args.get("node_selector"), wanted)
    yield from _no_conflict("pod_spec_patch.nodeSelector", patched, wanted)


def template(name: Any, args: Mapping[str, Any], config_maps: Mapping[str, Any]) -> dict[str, Any]:
    """Return the pod template for a WASM workload's arguments (camelCase)."""
    runtime = args["runtime"]
    shared = {"runtimeClassName": runtime["className"], "terminationGracePeriodSeconds": GRACE_SECONDS}
    groups = ("containers", "initContainers", "sidecars")
    containers = {group: [_with_user(each) for each in args[group]] for group in groups if args.get(group)}
    handler = {HANDLER_ANNOTATION: runtime["handler"]} if runtime.get("handler") else {}
    annotations = {**handler, **(args.get("annotations") or {})}
    return workload.template(name, {**shared, **args, **containers, "annotations": annotations}, config_maps)


def _overhead(path: str, given: Any) -> Iterator[Problem]:
    for resource, amount in given.items() if isinstance(given, dict) else ():
        complaint = quantity.complaint(resource, amount) if isinstance(amount, str) else None
        if complaint:
            yield Problem(f"{path}.{resource}", *complaint)


def _scheduling(path: str, scheduling: Any) -> Iterator[Problem]:
    yield from names.labels(f"{path}.node_selector", _at(scheduling, "node_selector"))
    yield from workload.tolerations(f"{path}.tolerations", _at(scheduling, "tolerations"))


def _no_exec(path: str, container: Mapping[str, Any]) -> Iterator[Problem]:
    for probe in _PROBES:
        if known(_at(container.get(probe), "exec")):
            remedy = "ask the module over the network (http_get, tcp_socket), or leave the probe out"
            yield Problem(f"{path}.{probe}.exec", _EXEC, remedy)
    for moment in _MOMENTS:
        if known(_at(_at(container.get("lifecycle"), moment), "exec")):
            yield Problem(f"{path}.lifecycle.{moment}.exec", _EXEC, "use http_get or sleep, or leave it out")


def _is_module(path: str, command: Any) -> Iterator[Problem]:
    first = command[0] if isinstance(command, list) and command else command
    # An entry point may be named behind the path: /app.wasm#start.
    if (first is None or isinstance(first, str)) and not (first or "").partition("#")[0].endswith(".wasm"):
        yield Problem(
            path,
            "the runtime takes every container of the pod for a WASM module, so an ordinary one does not start",
            "run it in a workload of its own; if it is a module, write its path as command, such as ['/proxy.wasm']",
        )


def _patch(patch: Mapping[str, Any]) -> Iterator[Problem]:
    """Check what only a patch can set, and what the fields refuse."""
    if known(patch.get("runtimeClassName")):
        yield Problem("pod_spec_patch.runtimeClassName", "runtime names the class", "leave it out")
    for group in ("initContainers", "containers"):
        for index, entry in entries(patch.get(group)):
            place = f"pod_spec_patch.{group}[{index}]"
            for field in ("tty", "stdin"):
                if entry.get(field) is True:
                    yield Problem(f"{place}.{field}", "nobody can attach to a WASM module", "leave it out")
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                if known(_at(entry.get(probe), "exec")):
                    yield Problem(f"{place}.{probe}.exec", _EXEC, "use httpGet or tcpSocket, or leave it out")
            for moment in ("postStart", "preStop"):
                if known(_at(_at(entry.get("lifecycle"), moment), "exec")):
                    yield Problem(f"{place}.lifecycle.{moment}.exec", _EXEC, "use httpGet or sleep, or leave it out")


def _same_overhead(patched: Any, of_class: Any) -> Iterator[Problem]:
    """Check an overhead of the pods' own: admission takes none but the class's."""
    if not isinstance(patched, dict) or not isinstance(of_class, dict):
        return
    amounts = [*patched.values(), *of_class.values()]
    if not all(isinstance(amount, str) and quantity.complaint("", amount) is None for amount in amounts):
        return
    if {key: quantity.parse(amount) for key, amount in patched.items()} != {
        key: quantity.parse(amount) for key, amount in of_class.items()
    }:
        yield Problem(
            "pod_spec_patch.overhead",
            f"the RuntimeClass says {', '.join(f'{key} {amount}' for key, amount in of_class.items()) or 'none'}, "
            "and the API server takes no other",
            "leave it out: it is filled in; to change it, change the overhead of the WasmRuntime",
        )


def _no_conflict(path: str, selector: Any, wanted: Any) -> Iterator[Problem]:
    if not isinstance(selector, dict) or not isinstance(wanted, dict):
        return
    for key, value in selector.items():
        if known(value) and known(wanted.get(key)) and value != wanted[key]:
            yield Problem(
                entry_path(path, key),
                f"it is {value!r}, but the RuntimeClass puts its pods on nodes with {wanted[key]!r}",
                "leave it out, or take a class for those nodes",
            )


def _with_user(container: Mapping[str, Any]) -> Mapping[str, Any]:
    security = container.get("securityContext") or {}
    if security.get("runAsNonRoot") is False:
        return container
    return {**container, "securityContext": {"runAsUser": USER, **security}}


def _at(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None
