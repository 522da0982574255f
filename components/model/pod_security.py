"""The Pod Security Standards: what in a finished pod is below the `restricted` or the `baseline` level.

Source: kubernetes.io, "Pod Security Standards", and the checks of k8s.io/pod-security-admission/policy in Kubernetes
1.33, by which a namespace with `pod-security.kubernetes.io/enforce` takes or refuses a pod. Pods for Windows, which the
standards let go without some fields, are judged as all others: they could not have the secure defaults anyway.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from components.model.problem import UNKNOWN, Problem, entries, entry_path

LEVELS = ("restricted", "baseline", "privileged")
"""From the strictest to the one that takes everything."""

_CAPABILITIES = (
    *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP"),
    *("SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
)
_SYSCTLS = (
    *("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range"),
    *("net.ipv4.ip_unprivileged_port_start", "net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time"),
    *("net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes"),
    *("net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"),
)
_SE_LINUX_TYPES = ("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t")
_VOLUMES = (
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected"),
    "secret",
)
_APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"
_GROUPS = ("initContainers", "containers")
_FIELD = "pod_spec_patch"
_CONTEXT = "securityContext"


@dataclass(frozen=True)
class Violation:
    """What in a pod is below a level: where, what is wrong, and the strictest level that takes it.

    `group` is the list that holds what is called `name`: initContainers, containers, volumes, annotations; or '' for
    the pod as a whole. `field` is spelled as Kubernetes spells it.
    """

    group: str
    name: str
    field: str
    message: str
    level: str


def violations(template: Mapping[str, Any]) -> Iterator[Violation]:
    """Yield everything in a pod template that is below `restricted`; what is `UNKNOWN` is passed over."""
    spec = _object(template.get("spec"))
    pod = _object(spec.get(_CONTEXT))
    yield from _of_pod(spec, pod)
    for group in _GROUPS:
        for container in _listed(spec.get(group)):
            for field, message, level in _of_container(container, pod):
                yield Violation(group, str(container.get("name")), field, message, level)
    for volume in _listed(spec.get("volumes")):
        for kind, source in volume.items():
            if kind not in ("name", *_VOLUMES) and source is not None:
                level = "privileged" if kind == "hostPath" else "baseline"
                yield Violation("volumes", str(volume.get("name")), kind, f"it is a volume of the kind {kind}", level)
    for key, value in _object(_object(template.get("metadata")).get("annotations")).items():
        if key.startswith(_APP_ARMOR) and value == "unconfined":
            yield Violation("annotations", key, "", "there is no AppArmor profile", "privileged")


def problems(args: Mapping[str, Any], template: Callable[[], Mapping[str, Any]]) -> Iterator[Problem]:
    """Yield what in a workload's finished pod template is below the level that its arguments (snake_case) name.

    `allow_host_path` is an opt-in of its own. What other rules tell of the fields is not told again: a hostPath without
    it, and user 0, which either `run_as_non_root` forbids or is below the level for that.
    """
    wanted = args.get("pod_security") or LEVELS[0]
    if wanted not in LEVELS or args.get(_FIELD) is UNKNOWN or args.get("containers") in (None, UNKNOWN):
        return
    for found in violations(template()):
        place = _place(found, args)
        told = not place.startswith(_FIELD) and found.field in ("hostPath", f"{_CONTEXT}.runAsUser")
        opened = found.field == "hostPath" and args.get("allow_host_path") in (True, UNKNOWN)
        if told or opened or LEVELS.index(found.level) <= LEVELS.index(wanted):
            continue
        where = f"container {found.name!r}: " if found.group in _GROUPS else ""
        message = f"{where}{found.message}, which is below the Pod Security level {wanted}"
        yield Problem(place, message, f"leave it out, or set pod_security to {found.level}", "pod-security")


def _of_pod(spec: Mapping[str, Any], pod: Mapping[str, Any]) -> Iterator[Violation]:
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(field) is True:
            yield Violation("", "", field, "it shares a namespace of the node", "privileged")
    for sysctl in _listed(pod.get("sysctls")):
        if isinstance(sysctl.get("name"), str) and sysctl["name"] not in _SYSCTLS:
            yield Violation("", "", f"{_CONTEXT}.sysctls", f"{sysctl['name']} is not a safe one", "privileged")
    for field, message, level in _of_context(pod):
        yield Violation("", "", f"{_CONTEXT}.{field}", message, level)


def _of_context(context: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield what a security context, of the pod or of a container, sets below a level: field, message, level."""
    if context.get("runAsNonRoot") is False:
        yield "runAsNonRoot", "it lets root run", "baseline"
    if context.get("runAsUser") == 0 and context.get("runAsUser") is not False:
        yield "runAsUser", "0 is root", "baseline"
    for field in ("seccompProfile", "appArmorProfile"):
        kind = _object(context.get(field)).get("type")
        if isinstance(kind, str) and kind not in ("RuntimeDefault", "Localhost"):
            yield f"{field}.type", f"the profile is {kind}", "privileged"
    options = _object(context.get("seLinuxOptions"))
    if options.get("type") not in (None, UNKNOWN, *_SE_LINUX_TYPES):
        yield "seLinuxOptions.type", f"the SELinux type {options['type']!r} is not one of containers", "privileged"
    for field in ("user", "role"):
        if options.get(field) not in (None, UNKNOWN, ""):
            yield f"seLinuxOptions.{field}", f"it chooses the SELinux {field}", "privileged"
    if _object(context.get("windowsOptions")).get("hostProcess") is True:
        yield "windowsOptions.hostProcess", "it runs as a process of the node", "privileged"


def _of_container(container: Mapping[str, Any], pod: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    context = _object(container.get(_CONTEXT))
    for field, message, level in _of_context(context):
        yield f"{_CONTEXT}.{field}", message, level
    if context.get("privileged") is True:
        # It goes with it that programs may gain rights.
        yield f"{_CONTEXT}.privileged", "it is root of the node", "privileged"
    elif context.get("allowPrivilegeEscalation") not in (False, UNKNOWN):
        yield f"{_CONTEXT}.allowPrivilegeEscalation", "programs may gain rights", "baseline"
    if context.get("procMount") not in (None, UNKNOWN, "Default"):
        yield f"{_CONTEXT}.procMount", f"procMount is {context['procMount']}", "privileged"
    if context.get("runAsNonRoot") is None and pod.get("runAsNonRoot") in (None, False):
        yield f"{_CONTEXT}.runAsNonRoot", "nothing keeps root from running", "baseline"
    if context.get("seccompProfile") is None and pod.get("seccompProfile") is None:
        yield f"{_CONTEXT}.seccompProfile", "it has no seccomp profile", "baseline"
    yield from _of_capabilities(_object(context.get("capabilities")))
    for port in _listed(container.get("ports")):
        if port.get("hostPort") not in (None, UNKNOWN, 0):
            yield "ports", f"it takes port {port['hostPort']} of the node", "privileged"


def _of_capabilities(capabilities: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    added, dropped = capabilities.get("add"), capabilities.get("drop")
    for name in added if isinstance(added, list) else ():
        if isinstance(name, str) and name != "NET_BIND_SERVICE":
            level = "baseline" if name in _CAPABILITIES else "privileged"
            yield f"{_CONTEXT}.capabilities.add", f"{name} is more than NET_BIND_SERVICE", level
    if dropped is not UNKNOWN and (not isinstance(dropped, list) or not {"ALL", UNKNOWN} & _hashable(dropped)):
        yield f"{_CONTEXT}.capabilities.drop", "not all capabilities are dropped", "baseline"


def _place(found: Violation, args: Mapping[str, Any]) -> str:
    """Return the path of a violation among the arguments: in the patch if that is what has it, else in the fields."""
    patch = _object(args.get(_FIELD))
    if found.group == "annotations":
        return entry_path("annotations", found.name)
    if not found.group:
        return f"{_FIELD}.{found.field}"
    fields = {"containers": ("containers",), "initContainers": ("init_containers", "sidecars"), "volumes": ("volumes",)}
    own = [
        f"{field}[{index}].{_snake(found.field)}"
        for field in fields[found.group]
        for index, entry in entries(args.get(field))
        if entry.get("name") == found.name
    ]
    for index, entry in entries(patch.get(found.group)):
        if entry.get("name") == found.name and (not own or found.field.split(".")[0] in entry):
            return f"{_FIELD}.{found.group}[{index}].{found.field}"
    return own[0] if own else f"{_FIELD}.{found.field}"


def _snake(field: str) -> str:
    return re.sub("([a-z])([A-Z])", r"\1_\2", field).lower()


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _hashable(values: list[Any]) -> set[Any]:
    return {value for value in values if isinstance(value, str) or value is UNKNOWN}


def _listed(value: Any) -> Iterator[dict[str, Any]]:
    return (entry for _, entry in entries(value))
