"""A workload of WASM modules: what the runtime under it cannot do is refused, and its pods get what it asks for.

Which containers are modules is told by their `command`, whose path ends in `.wasm` or `.wat`. One that names no command
is a module in `containers`, for the image's entry point is not known here; as a sidecar or init container it is none
where the runtime runs Linux containers, too. Arguments as in `workload`; a runtime that is not known yet refuses only
what every runtime refuses. What is known of the runtimes is in `wasm_presets`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from components.model import job, kinds, names, quantity, wasm, wasm_presets, workload
from components.model.problem import UNKNOWN, Problem, entries, entry_path, known
from components.model.wasm_presets import Preset

KINDS = ("Deployment", "Job")
GRACE_SECONDS = 2
"""Modules ignore SIGTERM, so a longer grace period would only be waited out; this one lets Services forget the pod."""
USER = 65532
"""WASM images are made from scratch and name no user; the kubelet starts none of them as root."""
HANDLER_ANNOTATION = "kubernetes-emerging/wasm-handler"
"""On the pods: another handler under the same class is another template, so that the running pods move to it."""

_EXEC = "the runtime cannot start a second process beside a WASM module"
_PROBES = ("startup_probe", "readiness_probe", "liveness_probe")
_MOMENTS = ("post_start", "pre_stop")
# The arguments that list containers, and what they are called as Kubernetes writes them.
_GROUPS = {"init_containers": "initContainers", "sidecars": "sidecars", "containers": "containers"}
_READ_ONLY = ("config", "secret", "projected", "downward_api")


def problems(args: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield everything that is wrong with a WASM workload's arguments."""
    runtime, patch = args.get("runtime"), args.get("pod_spec_patch")
    preset = _preset(runtime)
    yield from kinds.problems(args, KINDS, grace=_grace(args, preset))
    if isinstance(runtime, dict):
        yield from _runtime(runtime)
    for field in _GROUPS:
        for index, entry in entries(args.get(field)):
            yield from _container(f"{field}[{index}]", field, entry, preset)
    if isinstance(patch, dict):
        yield from _patch(patch, args, preset)
        yield from _same_overhead(patch.get("overhead"), _at(runtime, "overhead"))
    wanted = _at(_at(runtime, "scheduling"), "node_selector")
    patched = patch.get("nodeSelector") if isinstance(patch, dict) else None
    for path, selector in (("node_selector", args.get("node_selector")), ("pod_spec_patch.nodeSelector", patched)):
        yield from _no_conflict(path, selector, wanted)
        yield from wasm.suitable_nodes(path, selector, preset.name if preset else None)
    yield from _annotations(args.get("annotations"), preset)


def warnings(args: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the arguments of a workload ask for that its runtime does only in part (snake_case, resolved)."""
    preset = _preset(args.get("runtime"))
    if preset is None:
        return
    listed = [(field, entry) for field in _GROUPS for _, entry in entries(args.get(field))]
    modules = [entry for field, entry in listed if _runs_as_module(entry, field, preset)]
    if args.get("kind") == "Job" and preset.exit_codes != "kept" and modules:
        how = "0 unless it trapped or was killed" if preset.exit_codes == "lost" else "0 or 137, whatever it was"
        yield (
            f"the exit code of a module is lost under {preset.name} ({how}), so a Job may count one that failed as "
            "complete; look at its log, or take a runtime that keeps exit codes"
        )
    mounted = {each.get("name") for _, each in entries(args.get("volumes")) if any(each.get(k) for k in _READ_ONLY)}
    for entry in modules if preset.read_only_files else ():
        found = [str(m["name"]) for _, m in entries(entry.get("volume_mounts")) if m.get("name") in mounted]
        if found:
            yield (
                f"container {entry.get('name')!r} mounts {', '.join(found)}, and such files are read-only: "
                f"under {preset.name} {preset.read_only_files}"
            )


def template(name: Any, args: Mapping[str, Any], config_maps: Mapping[str, Any]) -> dict[str, Any]:
    """Return the pod template for a WASM workload's arguments (camelCase), of a Deployment or of a Job."""
    runtime = args["runtime"]
    preset = wasm_presets.preset_of(runtime.get("preset")) or wasm_presets.CUSTOM
    shared: dict[str, Any] = {"runtimeClassName": runtime["className"]}
    grace = _grace(args, preset)
    if grace is not None:
        shared["terminationGracePeriodSeconds"] = grace
    made = {
        key: [_as_module(each, preset) if _runs_as_module(each, field, preset) else each for each in args[key]]
        for field, key in _GROUPS.items()
        if args.get(key)
    }
    handler = {HANDLER_ANNOTATION: runtime["handler"]} if runtime.get("handler") else {}
    annotations = {**handler, **preset.annotations, **(args.get("annotations") or {})}
    around = job.template if args.get("kind") == "Job" else workload.template
    return around(name, {**shared, **args, **made, "annotations": annotations}, config_maps)


def is_module(entry: Mapping[str, Any], group: str, preset: Preset | None) -> bool | None:
    """Tell whether a container is a WASM module by what its command says; None where that is not known yet.

    `group` is the argument that it stands in. Its path may be followed by a function: /app.wasm#start.
    """
    command = entry.get("command")
    first = command[0] if isinstance(command, list) and command else command
    if first is UNKNOWN:
        return None
    if preset is not None and preset.command and command == list(preset.command):
        return True
    if isinstance(first, str):
        return first.partition("#")[0].endswith((".wasm", ".wat"))
    return group == "containers"


def _runs_as_module(entry: Mapping[str, Any], group: str, preset: Preset | None) -> bool | None:
    """Tell whether the runtime takes a container for a module: some take every container for one."""
    return True if preset is not None and not preset.beside else is_module(entry, group, preset)


def _preset(runtime: Any) -> Preset | None:
    return wasm_presets.preset_of(runtime.get("preset")) if isinstance(runtime, dict) else None


def _grace(args: Mapping[str, Any], preset: Preset | None) -> int | None:
    """Return the grace period of pods that name none; None where it is computed as for other workloads."""
    if preset is None or preset.signals != "ignored":
        return None
    both = [(field, args.get(field) or args.get(key)) for field, key in _GROUPS.items()]
    listed = [_runs_as_module(entry, field, preset) for field, found in both for _, entry in entries(found)]
    return GRACE_SECONDS if all(listed) else None


def _runtime(runtime: Mapping[str, Any]) -> Iterator[Problem]:
    yield from names.dns_subdomain("runtime.class_name", runtime.get("class_name"))
    yield from names.dns_label("runtime.handler", runtime.get("handler"))
    yield from wasm_presets.problems("runtime.preset", runtime.get("preset"))
    yield from wasm.overhead_problems("runtime.overhead", runtime.get("overhead"))
    yield from wasm.scheduling_problems("runtime.scheduling", runtime.get("scheduling"), runtime.get("preset"))


def _container(path: str, group: str, entry: Mapping[str, Any], preset: Preset | None) -> Iterator[Problem]:
    module = _runs_as_module(entry, group, preset)
    if module is True or (module is False and preset is not None and not preset.exec_beside):
        yield from _no_exec(path, entry, _EXEC if module or preset is None else _no_exec_beside(preset))
    if group != "containers" and preset is not None and not preset.beside and is_module(entry, group, preset) is False:
        yield Problem(
            path,
            "the runtime takes every container of the pod for a WASM module, so an ordinary one does not start",
            "run it in a workload of its own, or take a preset that runs ordinary ones beside modules, such as crun or "
            "wasmtime; if it is a module, write its path as command, such as ['/proxy.wasm']",
        )


def _no_exec_beside(preset: Preset) -> str:
    return f"the runtime ({preset.name}) cannot start a second process in any container of its pods"


def _no_exec(path: str, container: Mapping[str, Any], why: str) -> Iterator[Problem]:
    for probe in _PROBES:
        if known(_at(container.get(probe), "exec")):
            remedy = "ask over the network (http_get, tcp_socket), or leave the probe out"
            yield Problem(f"{path}.{probe}.exec", why, remedy)
    for moment in _MOMENTS:
        if known(_at(_at(container.get("lifecycle"), moment), "exec")):
            yield Problem(f"{path}.lifecycle.{moment}.exec", why, "use http_get or sleep, or leave it out")


def _patch(patch: Mapping[str, Any], args: Mapping[str, Any], preset: Preset | None) -> Iterator[Problem]:
    """Check what only a patch can set, and what the fields refuse."""
    if known(patch.get("runtimeClassName")):
        yield Problem("pod_spec_patch.runtimeClassName", "runtime names the class", "leave it out")
    own = {entry.get("name"): (field, entry) for field in _GROUPS for _, entry in entries(args.get(field))}
    for group, written in (("initContainers", "init_containers"), ("containers", "containers")):
        for index, entry in entries(patch.get(group)):
            field, original = own.get(entry.get("name"), (written, entry))
            linux = _runs_as_module({**original, **entry}, field, preset) is False
            if linux and (preset is None or preset.exec_beside):
                continue
            place = f"pod_spec_patch.{group}[{index}]"
            why = _no_exec_beside(preset) if linux and preset else _EXEC
            yield from _no_exec_patched(place, entry, why)


def _no_exec_patched(place: str, entry: Mapping[str, Any], why: str) -> Iterator[Problem]:
    for field in ("tty", "stdin"):
        if entry.get(field) is True:
            yield Problem(f"{place}.{field}", "nobody can attach to a WASM module", "leave it out")
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        if known(_at(entry.get(probe), "exec")):
            yield Problem(f"{place}.{probe}.exec", why, "use httpGet or tcpSocket, or leave it out")
    for moment in ("postStart", "preStop"):
        if known(_at(_at(entry.get("lifecycle"), moment), "exec")):
            yield Problem(f"{place}.lifecycle.{moment}.exec", why, "use httpGet or sleep, or leave it out")


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


def _annotations(annotations: Any, preset: Preset | None) -> Iterator[Problem]:
    """Check that annotations by which the runtime knows what to do are not written otherwise."""
    for key, value in (preset.annotations if preset else {}).items():
        given = _at(annotations, key)
        if known(given) and given != value:
            message = f"preset {preset.name if preset else ''} needs {value!r} here, not {given!r}"
            yield Problem(entry_path("annotations", key), message, "leave it out: it is filled in")


def _as_module(entry: Mapping[str, Any], preset: Preset) -> Mapping[str, Any]:
    """Return a module's container with a user, and with the command that the runtime has to find."""
    command = {"command": list(preset.command)} if preset.command and not entry.get("command") else {}
    security = entry.get("securityContext") or {}
    user = {} if security.get("runAsNonRoot") is False else {"securityContext": {"runAsUser": USER, **security}}
    return {**entry, **command, **user}


def _at(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None
