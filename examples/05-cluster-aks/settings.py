"""The stack's config, checked as a whole before anything is registered."""

import sys
from dataclasses import dataclass
from pathlib import Path

import pulumi
from kubeconfig import LOGINS

# What the cluster programs have in common is one folder up.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cluster_config import Checks

_GUID = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


@dataclass(frozen=True)
class Settings:
    """The stack's config with its defaults filled in."""

    location: str
    name: str
    version: str
    long_term_support: bool
    authorized_networks: list[str]
    admin_group_ids: list[str]
    login: str
    vm_size: str
    min_nodes: int
    max_nodes: int
    wasm_nodes: int


def load() -> Settings:
    """Return the settings; raise RunError that names each bad key."""
    checks = Checks()
    # The Azure provider would take the subscription that `az` has selected, and the cluster would come up there.
    checks.text("azure-native:subscriptionId", _GUID, "write the id of the subscription, see `az account list`")
    write_group = "write the object ids of Entra ID groups, see `az ad group show --group <name> --query id`"
    settings = Settings(
        location=checks.text("azure-native:location", "[a-z0-9]+", "write the region, such as westeurope"),
        name=checks.text(
            "clusterName",
            "[A-Za-z0-9]([A-Za-z0-9_-]{0,48}[A-Za-z0-9])?",
            "write 1 to 50 letters, digits, hyphens and underscores that begin and end with a letter or digit",
            f"kubernetes-emerging-{pulumi.get_stack()}",
        ),
        version=checks.text("kubernetesVersion", r"1\.(3[3-9]|[4-9]\d)", "write a minor from 1.33 on", "1.35"),
        long_term_support=checks.flag("longTermSupport", default=False),
        authorized_networks=checks.networks("authorizedNetworks"),
        admin_group_ids=checks.texts("adminGroupIds", _GUID, write_group),
        login=checks.choice("login", "azurecli", LOGINS),
        vm_size=checks.text("vmSize", r"Standard_\w+", "write one such as Standard_D2s_v5", "Standard_D2s_v5"),
        min_nodes=checks.integer("minNodes", 2, 1, 1000),
        max_nodes=checks.integer("maxNodes", 4, 1, 1000),
        wasm_nodes=checks.integer("wasmNodes", 0, 0, 1000),
    )
    if not settings.admin_group_ids:
        checks.complain("adminGroupIds", "it is empty, and without local accounts nobody could get in", write_group)
    if settings.version == "1.33" and not settings.long_term_support:
        checks.complain(
            "kubernetesVersion",
            "since July 2026 AKS supports 1.33 for long-term support only",
            "write 1.35, or set longTermSupport to true, which costs more",
        )
    if settings.min_nodes > settings.max_nodes:
        checks.complain(
            "maxNodes", f"{settings.max_nodes} is less than minNodes", f"write {settings.min_nodes} or more"
        )
    checks.finish()
    return settings
