"""The kubeconfig that AKS hands out, made to log in without a person in front of it."""

import base64
import itertools
from collections.abc import Sequence
from typing import Any

import yaml

LOGINS = ("azurecli", "workloadidentity", "spn")
"""Ways in which kubelogin gets a token without asking: from the Azure CLI's login, from a federated token, or as a
service principal. The latter two read who they are from AZURE_CLIENT_ID and the like, so no credential is kept here."""

# What each way needs of the arguments that AKS writes. `--client-id` is the application for logging in by hand, and
# would take the place of the identity in the environment.
_KEPT = {
    "azurecli": ("--server-id",),
    "workloadidentity": ("--server-id",),
    "spn": ("--server-id", "--tenant-id", "--environment"),
}


def non_interactive(encoded: str, login: str) -> tuple[str, str]:
    """Return (content of a kubeconfig, its current context) from Azure's base64, with kubelogin and this login.

    Raises ValueError for a kubeconfig that does not log in through kubelogin: it would hold a credential.
    """
    config: dict[str, Any] = yaml.safe_load(base64.b64decode(encoded))
    for entry in config["users"]:
        arguments = (entry["user"].get("exec") or {}).get("args") or []
        if not arguments or "--server-id" not in arguments:
            raise ValueError(
                f"user {entry['name']} of the cluster's kubeconfig does not log in through kubelogin: "
                "the cluster has to have Entra ID, and its local accounts disabled"
            )
        entry["user"] = {
            "exec": {
                "apiVersion": "client.authentication.k8s.io/v1beta1",
                "command": "kubelogin",
                "args": ["get-token", "--login", login, *_kept(arguments, _KEPT[login])],
                "interactiveMode": "Never",
                "provideClusterInfo": False,
                "installHint": "install kubelogin: https://azure.github.io/kubelogin/install.html",
            }
        }
    return yaml.safe_dump(config, sort_keys=False), config["current-context"]


def _kept(arguments: Sequence[str], names: Sequence[str]) -> list[str]:
    values = dict(itertools.pairwise(arguments))
    return [part for name in names if name in values for part in (name, values[name])]
