"""`cri-check` against a real node."""

import json
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.cluster import Cluster


def test_a_real_node(lab_cluster: "Cluster") -> None:
    """The node's own containerd and cgroups are told, with a verdict for this minor and the next."""
    options = ["--kubeconfig", str(lab_cluster.kubeconfig), "--context", lab_cluster.context]
    command = [sys.executable, "-m", "components.actions", "cri-check", *options, "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    (node,) = json.loads(ended.stdout)["nodes"]

    assert f"v{lab_cluster.minor}." in node["kubelet"]
    assert node["runtime"].startswith("containerd://2.")
    assert node["cgroup"] in ("v1", "v2")
    assert node["now"] in ("yes", "unknown")
