"""The two facts of a kubeconfig that tell which cluster it leads to."""

import base64
from pathlib import Path

import yaml


def server_and_ca(path: Path) -> tuple[str, bytes]:
    """Return (URL of the API server, CA certificate as PEM) of the kubeconfig's one cluster.

    Raises KeyError, IndexError or ValueError for a file that kind did not write.
    """
    cluster = yaml.safe_load(path.read_text())["clusters"][0]["cluster"]
    return str(cluster["server"]).rstrip("/"), base64.b64decode(cluster["certificate-authority-data"])
