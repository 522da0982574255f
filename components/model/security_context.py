"""A container's security context: the secure defaults, and what is wrong with exceptions from them.

Source: ValidateSecurityContext in k8s.io/kubernetes/pkg/apis/core/validation/validation.go. Whether an exception is
below the workload's Pod Security level is judged by `pod_security`, on the finished pod.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from components.model.problem import Problem, entries, in_range, known, one_of

_INT32 = 2**31 - 1
_PROFILES = ("RuntimeDefault", "Localhost", "Unconfined")
_LONGEST_APP_ARMOR = 4095
_CAPABILITY = re.compile("(?!CAP_)[A-Z][A-Z_]*")
_APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"
_ANNOTATIONS = {"RuntimeDefault": "runtime/default", "Unconfined": "unconfined"}


def with_defaults(context: Any) -> Any:
    """Return a security context (camelCase) with the defaults of the `restricted` Pod Security level filled in."""
    given = {} if context is None else context
    if not isinstance(given, Mapping):  # of a patch, which the API server judges
        return given
    defaults: dict[str, Any] = {
        # The API server refuses a privileged container that cannot gain rights: it has them all.
        "allowPrivilegeEscalation": given.get("privileged") is True,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
    }
    capabilities = given.get("capabilities")
    if isinstance(capabilities, Mapping):
        return {**defaults, **given, "capabilities": {**defaults["capabilities"], **capabilities}}
    return {**defaults, **given}


def problems(path: str, context: Any) -> Iterator[Problem]:
    """Yield what is wrong with the security context of one container."""
    if not isinstance(context, dict):
        return
    for field in ("run_as_user", "run_as_group"):
        yield from in_range(f"{path}.{field}", context.get(field), 0, _INT32)
    if context.get("run_as_user") == 0 and context.get("run_as_non_root") in (None, True):
        yield Problem(
            f"{path}.run_as_user",
            "0 is root, which the kubelet refuses to start here",
            "write another user, or set run_as_non_root to false",
            "root",
        )
    if context.get("privileged") is True and context.get("allow_privilege_escalation") is False:
        message = "a privileged container has every right already"
        yield Problem(f"{path}.allow_privilege_escalation", message, "leave it out")
    yield from _capabilities(f"{path}.capabilities", context.get("capabilities"))
    yield from _profile(f"{path}.seccomp_profile", context.get("seccomp_profile"))
    yield from _profile(f"{path}.app_armor_profile", context.get("app_armor_profile"), app_armor=True)


def annotation_problems(path: str, container: Mapping[str, Any], annotations: Any) -> Iterator[Problem]:
    """Yield an AppArmor annotation of a container that says something else than its field."""
    context, name = container.get("security_context"), container.get("name")
    profile = context.get("app_armor_profile") if isinstance(context, dict) else None
    if not isinstance(profile, dict) or not isinstance(annotations, dict) or not isinstance(name, str):
        return
    kind, local, written = profile.get("type"), profile.get("localhost_profile"), annotations.get(_APP_ARMOR + name)
    if not known(kind) or not isinstance(written, str) or (kind == "Localhost" and not isinstance(local, str)):
        return
    if written != _ANNOTATIONS.get(str(kind), f"localhost/{local}"):
        remedy = "leave the annotation out"
        yield Problem(f"{path}.security_context.app_armor_profile", "an annotation says something else", remedy)


def added_annotations(containers: Any) -> dict[str, str]:
    """Return the annotations that the API server adds to pods for their containers' AppArmor profiles."""
    found = {}
    for _, container in entries(containers):
        context, name = container.get("security_context"), container.get("name")
        profile = context.get("app_armor_profile") if isinstance(context, dict) else None
        kind = profile.get("type") if isinstance(profile, dict) else None
        if isinstance(name, str) and isinstance(profile, dict) and isinstance(kind, str) and known(kind):
            found[_APP_ARMOR + name] = _ANNOTATIONS.get(kind, f"localhost/{profile.get('localhost_profile')}")
    return found


def _capabilities(path: str, capabilities: Any) -> Iterator[Problem]:
    if not isinstance(capabilities, dict):
        return
    for field in ("add", "drop"):
        listed = capabilities.get(field)
        for index, name in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(name, str) and not _CAPABILITY.fullmatch(name):
                remedy = "write one such as NET_ADMIN, in capitals and without CAP_"
                yield Problem(f"{path}.{field}[{index}]", f"{name!r} is not a capability", remedy, "capability")


def _profile(path: str, profile: Any, *, app_armor: bool = False) -> Iterator[Problem]:
    if not isinstance(profile, dict):
        return
    kind, local = profile.get("type"), profile.get("localhost_profile")
    yield from one_of(f"{path}.type", kind, _PROFILES, "RuntimeDefault")
    place = f"{path}.localhost_profile"
    if kind == "Localhost" and local is None:
        yield Problem(place, "it is required for the type Localhost", "write the profile's name on the node")
    elif kind in ("RuntimeDefault", "Unconfined") and local is not None:
        yield Problem(place, f"the type {kind} has none", "leave it out, or write the type Localhost")
    elif local == "":
        yield Problem(place, "it is empty", "write the profile's name on the node", "empty")
    elif isinstance(local, str) and app_armor:
        if local != local.strip() or len(local.encode()) > _LONGEST_APP_ARMOR:
            yield Problem(place, "this is not a profile's name", "write it without blanks around it")
    elif isinstance(local, str) and (local.startswith("/") or ".." in local.split("/")):
        yield Problem(place, f"{local!r} leaves the kubelet's folder of profiles", "write a path inside it")


def privileges(containers: Any) -> Iterator[Any]:
    """Yield whether each container is privileged, where it says so (camelCase)."""
    for _, container in entries(containers):
        context = container.get("securityContext")
        if isinstance(context, dict) and context.get("privileged") is not None:
            yield context["privileged"]
