"""A DaemonSet around a workload's pods: what is wrong with its arguments, and what they become.

Rules are those of k8s.io/kubernetes/pkg/apis/apps/validation (ValidateRollingUpdateDaemonSet).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from components.model import workload
from components.model.problem import UNKNOWN, Problem

_INT32 = 2**31 - 1
# SetDefaults_DaemonSet.
_DEFAULTS = {"max_unavailable": "1", "max_surge": "0"}


def problems(args: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with the arguments of a DaemonSet alone (snake_case)."""
    given = args.get("daemon_set")
    if not isinstance(given, dict):
        return
    shares = {}
    for field, default in _DEFAULTS.items():
        path, value = f"daemon_set.{field}", given.get(field)
        share = workload.share(default if value is None else value)
        shares[field] = UNKNOWN if value is UNKNOWN else share
        if isinstance(value, str) and share is None:
            yield Problem(path, f"{value!r} is no number", "write '1' or '25%', for example")
        elif share is not None and share > (100 if str(value).endswith("%") else _INT32):
            yield Problem(path, f"{value!r} is out of range", f"write at most 100%, or {_INT32}")
    surge, unavailable = shares["max_surge"], shares["max_unavailable"]
    if surge == 0 and unavailable == 0:
        yield Problem("daemon_set", "both are 0, so nothing could move", "raise one of them")
    elif isinstance(surge, int) and isinstance(unavailable, int) and surge and unavailable:
        remedy = "write max_unavailable: '0' beside it, or leave max_surge out"
        yield Problem("daemon_set.max_surge", "with max_unavailable (1 by default) it cannot be", remedy)


def spec(args: Mapping[str, Any], *, selector: Any, template: Any, deadline: Any) -> dict[str, Any]:
    """Return the spec of the DaemonSet around its selector and template (camelCase); it knows no deadline."""
    del deadline
    made: dict[str, Any] = {"selector": {"matchLabels": selector}, "template": template}
    if args.get("minReadySeconds") is not None:
        made["minReadySeconds"] = args["minReadySeconds"]
    if args.get("daemonSet"):
        made["updateStrategy"] = {"type": "RollingUpdate", "rollingUpdate": args["daemonSet"]}
    return made
