"""The files that a workload brings along: a ConfigMap for each volume with `config`."""

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi_kubernetes import Provider
from pulumi_kubernetes.core.v1 import ConfigMap

from components._hooks import free_name_hook
from components._where import provider_to
from components.actions import generations
from components.model import volume


class ConfigMaps:
    """The ConfigMaps of one workload.

    `names` has the name of each by its volume. `kept` are the manifests of those that are named after their content:
    they outlive their replacement, so that a rollback can mount them, and `bases` are the beginnings of their names.
    `reloads` are the arguments of an `actions.reload.Reload` for each whose change pods are told of; `key` is as given.
    """

    def __init__(
        self,
        component: pulumi.Resource,
        name: str,
        fields: Mapping[str, Any],
        key: str,
        connection: Any,
        provider: Provider | None,
    ) -> None:
        """Register the ConfigMaps of a workload with these arguments (camelCase); `key` tells it from others.

        `provider` is the one that the workload has for itself, None where it inherits its own.
        """
        self.names: dict[str, Any] = {}
        self.kept: list[dict[str, Any]] = []
        self.bases: list[Any] = []
        self.reloads: list[dict[str, Any]] = []
        self.key = key
        self._component, self._name, self._connection = component, name, connection
        self._provider = provider
        self._mutable: Provider | None = None
        for each in fields.get("volumes") or []:
            config = each.get("config")
            if config:
                make = self._live if volume.is_live(config) else self._generation
                self.names[each["name"]] = make(each["name"], config, fields["namespace"])

    def _generation(self, place: str, config: Mapping[str, Any], namespace: Any) -> Any:
        wanted = pulumi.Output.all(config["name"], config["data"])
        called = wanted.apply(lambda found: volume.config_name(found[0], found[1], self.key))
        manifest = config_map_of(config, called, namespace, self.key)
        freed = free_name_hook(f"{self._name}-{place}", self._connection, self.key)
        child = ConfigMap(
            f"{self._name}/{place}",
            **manifest,
            opts=pulumi.ResourceOptions(
                parent=self._component,
                provider=self._provider,
                retain_on_delete=True,
                hooks=pulumi.ResourceHookBinding(before_create=[freed]),
            ),
        )
        created = child.metadata.apply(lambda found: found.name or "")
        self.kept.append({**manifest, "metadata": {**manifest["metadata"], "name": created}})
        self.bases.append(config["name"])
        return created

    def _live(self, place: str, config: Mapping[str, Any], namespace: Any) -> Any:
        name = pulumi.Output.from_input(config["name"]).apply(lambda base: volume.live_name(base, self.key))
        manifest: dict[str, Any] = config_map_of(config, name, namespace, self.key)
        child = ConfigMap(
            f"{self._name}/{place}",
            **manifest,
            opts=pulumi.ResourceOptions(parent=self._component, provider=self._mutating()),
        )
        created = child.metadata.apply(lambda found: found.name or "")
        if config.get("reload"):
            self.reloads.append({"volume": place, "config_map": created, **config["reload"]})
        return created

    def _mutating(self) -> Provider:
        """Return a provider that changes ConfigMaps in place, which the official one does only if it is told to.

        It is a setting of a whole provider, and would change what other ConfigMaps of the program's do.
        """
        if self._mutable is None:
            opts = pulumi.ResourceOptions(parent=self._component)
            self._mutable = provider_to(f"{self._name}-live", self._connection, opts, enable_config_map_mutable=True)
        return self._mutable


def config_map_of(config: Mapping[str, Any], name: Any, namespace: Any, key: str) -> dict[str, Any]:
    """Return the ConfigMap of a `config` volume; a generation is labelled with its base and its workload's key."""
    if volume.is_live(config):
        return {"metadata": {"name": name, "namespace": namespace}, "data": config["data"]}
    labels = {generations.LABEL: config["name"], generations.WORKLOAD_LABEL: key}
    metadata = {"name": name, "namespace": namespace, "labels": labels}
    return {"metadata": metadata, "immutable": True, "data": config["data"]}
