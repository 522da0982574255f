"""The kubeconfig of an EKS cluster, which holds no credential: each use logs in through the AWS CLI."""

import json


def kubeconfig(arn: str, server: str, certificate_authority: str, *, role_arn: str = "") -> str:
    """Return the content of a kubeconfig whose one context is the cluster's name.

    The ARN (`arn:aws:eks:<region>:<account>:cluster/<name>`) tells region and name; the certificate is base64.
    """
    region, name = arn.split(":")[3], arn.rpartition("/")[2]
    words = ["--region", region, "eks", "get-token", "--cluster-name", name, "--output", "json"]
    login = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "aws",
        "args": [*words, "--role-arn", role_arn] if role_arn else words,
        "interactiveMode": "Never",
        "provideClusterInfo": False,
        "installHint": "install the AWS CLI, version 2: https://docs.aws.amazon.com/cli/",
    }
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [
                {"name": name, "cluster": {"server": server, "certificate-authority-data": certificate_authority}}
            ],
            "users": [{"name": name, "user": {"exec": login}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        },
        indent=2,
    )
