"""Namespaces of the tests' own."""

import contextlib
import time
import uuid
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def new_namespace(kube: Any, labels: dict[str, str] | None = None) -> Iterator[str]:
    """Make a namespace in which pods can be made; its deletion is begun afterwards and not waited for."""
    from kubernetes.client import ApiException, CoreV1Api, V1Namespace, V1ObjectMeta

    api = CoreV1Api(kube)
    name = f"test-{uuid.uuid4().hex[:10]}"
    api.create_namespace(V1Namespace(metadata=V1ObjectMeta(name=name, labels=labels)))
    # Until a controller has made the default service account, no pod can be made here.
    for _ in range(100):
        try:
            api.read_namespaced_service_account("default", name)
            break
        except ApiException:
            time.sleep(0.05)
    yield name
    api.delete_namespace(name)
