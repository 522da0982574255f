"""The kubeconfig of a GKE cluster, which holds no credential: each use logs in through Google's plugin."""

import json


def kubeconfig(context: str, endpoint: str, certificate_authority: str) -> str:
    """Return the content of a kubeconfig with this one context; the certificate is base64."""
    login = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "gke-gcloud-auth-plugin",
        "interactiveMode": "Never",
        "provideClusterInfo": True,
        "installHint": "install it with `gcloud components install gke-gcloud-auth-plugin`",
    }
    cluster = {"server": f"https://{endpoint}", "certificate-authority-data": certificate_authority}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": context,
            "clusters": [{"name": context, "cluster": cluster}],
            "users": [{"name": context, "user": {"exec": login}}],
            "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
        },
        indent=2,
    )
