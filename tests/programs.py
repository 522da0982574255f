"""What tests of whole programs share: what a run said, and what is in the cluster after it."""

from typing import Any

from kubernetes.client import AppsV1Api, CoreV1Api

from lab.engine import Summary


def told(summary: Summary) -> str:
    """Return everything that a run said."""
    return "\n".join(found.message for found in summary.diagnostics)


def live(kube: Any, namespace: str) -> Any:
    """Return the live Deployment `web`."""
    return AppsV1Api(kube).read_namespaced_deployment("web", namespace)


def living_pods(kube: Any, namespace: str) -> list[Any]:
    """Return the pods that are not on their way out."""
    listed: list[Any] = CoreV1Api(kube).list_namespaced_pod(namespace).items
    return [pod for pod in listed if not pod.metadata.deletion_timestamp]


def pod_uids(kube: Any, namespace: str) -> set[str]:
    """Return the UIDs of the pods that are not on their way out."""
    return {pod.metadata.uid for pod in living_pods(kube, namespace)}
