"""Whether the stack deploys the WASM demo: as its config says, or as was decided once from the cluster.

What `auto` decided is recorded in the cluster, as a resource of the stack: a node that is away for a moment must never
take the demo with it. Any other value of the config key drops the record, so that `auto` decides anew afterwards.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from components._args import TolerationArgs
from components._live import mocked
from components.actions.client import Client, path_of
from components.actions.errors import ActionError, ApiError, ConnectionProblem
from components.actions.wasm import find_support
from components.model.handlers import Support
from components.model.platform_rows import CLOUDS
from components.target import connection_of
from components.wasm import WasmRuntimeArgs
from program.config import Settings

# Label and taint of the node pools that the cluster programs in examples/ make for WASM. What a pool has from the start
# also counts while it has no node yet; a label that an installer sets does not.
_POOL = "kubernetes-emerging/wasm"
RECORD = "kubernetes-emerging-decisions"
"""Name of the ConfigMap in the stack's namespace that holds what was decided."""


@dataclass(frozen=True)
class Decision:
    """What was decided, the reason, and the content of the ConfigMap that keeps it (None: nothing to keep)."""

    deploy: bool
    reason: str
    record: Mapping[str, str] | None = None

    def __str__(self) -> str:
        return f"{'on' if self.deploy else 'left out'}: {self.reason}"


def runtime(settings: Settings, name: Any) -> WasmRuntimeArgs:
    """Return the arguments of the demo's RuntimeClass; on a cloud its pods go to the pool that is for them."""
    args: WasmRuntimeArgs = {"name": name, "handler": settings.wasm_handler}
    if settings.platform in CLOUDS:
        toleration: TolerationArgs = {"key": _POOL, "operator": "Exists", "effect": "NoSchedule"}
        args["scheduling"] = {"node_selector": {_POOL: "true"}, "tolerations": [toleration]}
    return args


def decide(settings: Settings, namespace: str) -> Decision:
    """Return whether the demo is deployed; raise RunError when a decision may be recorded and cannot be read.

    Reads the cluster for `auto` only, and changes nothing. A preview without a cluster shows the demo.
    """
    if settings.wasm != "auto":
        return Decision(settings.wasm == "on", f"the config key wasm is {settings.wasm}")
    if not settings.wasm_image:
        decision = Decision(
            deploy=False, reason=f"platform {settings.platform} has no image of it; set the config key wasmImage to one"
        )
    elif mocked():
        return Decision(deploy=False, reason="under mocks there is no cluster to ask")
    else:
        decision = _live(settings, namespace)
    if not decision.deploy:
        pulumi.log.info(f"wasm-demo is {decision}")
    return decision


def from_cluster(client: Client, namespace: str, handler: str) -> Decision:
    """Return what is recorded for this handler, or else what the nodes tell. ActionError when neither can be read."""
    found = client.find(path_of("v1", "configmaps", namespace, RECORD))
    record = (found or {}).get("data") or {}
    if record.get("handler") != handler or record.get("wasm") not in ("on", "off"):
        support = find_support(client, handler)
        record = {"wasm": "on" if support.answer == "yes" else "off", "handler": handler, "reason": _reason(support)}
    elif record["wasm"] == "off":
        _tell_news(client, handler)
    kept = {key: str(record.get(key, "")) for key in ("wasm", "handler", "reason")}
    return Decision(kept["wasm"] == "on", kept["reason"], kept)


def _live(settings: Settings, namespace: str) -> Decision:
    try:
        with connection_of(settings.target).client() as client:
            return from_cluster(client, namespace, settings.wasm_handler)
    except ActionError as problem:
        if pulumi.runtime.is_dry_run() and isinstance(problem, ConnectionProblem):
            # What is deployed must not be shown as deleted because the cluster is away for a moment.
            pulumi.log.warn(f"this preview cannot tell whether wasm-demo is deployed, so it is shown: {problem}")
            reason = "the cluster does not answer"
            return Decision(True, reason, {"wasm": "on", "handler": settings.wasm_handler, "reason": reason})
        said = problem.message if isinstance(problem, ApiError) else str(problem)
        raise pulumi.RunError(
            f"whether this stack deploys wasm-demo may be recorded in ConfigMap {namespace}/{RECORD}, which cannot be "
            f"read ({said}). Nothing was changed. Make it readable, or set the config key wasm to on or off"
        ) from None


def _tell_news(client: Client, handler: str) -> None:
    """Say that what was missing when the demo was left out is there by now; the decision stays."""
    with contextlib.suppress(ActionError):
        support = find_support(client, handler)
        if support.answer == "yes":
            pulumi.log.info(f"by now {support.reason}: set the config key wasm to on to deploy wasm-demo")


def _reason(support: Support) -> str:
    if support.answer == "yes":
        return support.reason
    if support.answer == "no":
        return f"{support.reason}. To deploy it, {support.remedy}, then set the config key wasm to on"
    return f"{support.reason}. If they have it, set the config key wasm to on"
