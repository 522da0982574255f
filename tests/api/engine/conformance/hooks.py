"""A mutable ConfigMap with a hook of each kind, and another that follows it; config makes a hook raise."""

from typing import Any

import pulumi
import pulumi_kubernetes as k8s
from pulumi import ResourceOptions as Options

config = pulumi.Config()


def hook(kind: str) -> pulumi.ResourceHook:
    """Make a hook that tells what it is told, and raises if config says so."""

    async def call(args: pulumi.ResourceHookArgs) -> None:
        def text(value: Any) -> str | None:
            return (value.get("data") or {}).get("text") if value else None

        values = [text(getattr(args, key)) for key in ("old_inputs", "new_inputs", "old_outputs", "new_outputs")]
        pulumi.log.info("hook " + " ".join([kind, args.name, args.id.rpartition("/")[2] or "-", *map(str, values)]))
        if kind == config.get("raises"):
            raise RuntimeError(f"{kind} does not want to")

    return pulumi.ResourceHook(kind, call, pulumi.ResourceHookOptions(on_dry_run=kind.startswith("before")))


kinds = ("before_create", "after_create", "before_update", "after_update")
hooks: dict[str, Any] = {kind: [hook(kind)] for kind in kinds}
cluster = k8s.Provider(
    "cluster",
    kubeconfig=config.require_secret("kubeconfig"),
    cluster_identifier="conformance/hooks",
    enable_config_map_mutable=True,
)
first = k8s.core.v1.ConfigMap(
    "first",
    metadata=k8s.meta.v1.ObjectMetaArgs(namespace=config.require("space"), name="first"),
    data={"text": config.require("text")},
    opts=Options(provider=cluster, hooks=pulumi.ResourceHookBinding(**hooks)),
)
k8s.core.v1.ConfigMap(
    "second",
    metadata=k8s.meta.v1.ObjectMetaArgs(namespace=config.require("space"), name="second"),
    data={"text": first.data["text"]},
    opts=Options(provider=cluster),
)
