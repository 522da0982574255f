"""What the tests of Target and Preflight on real API servers share: identities with the rights that the docs give."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from kubernetes import utils
from kubernetes.client import (
    AdmissionregistrationV1Api,
    CoreV1Api,
    RbacAuthorizationV1Api,
    V1Namespace,
    V1ObjectMeta,
    V1ServiceAccount,
)

if TYPE_CHECKING:
    from lab.cluster import Cluster

ROOT = Path(__file__).resolve().parents[3]
Identity = Callable[[str], Path]


@pytest.fixture
def identity(lab_cluster: "Cluster", kube: Any, namespace: str, tmp_path: Path) -> Iterator[Identity]:
    """Give a function that makes an identity bound as a file of docs/rbac says, or to nothing, and its kubeconfig."""
    api = CoreV1Api(kube)
    made: list[dict[str, Any]] = []
    homes: list[str] = []

    def make(file: str = "") -> Path:
        # Identities of one namespace are one group, so each has a namespace of its own.
        name = Path(file).stem or "nobody"
        home = f"{namespace}-{name}"
        api.create_namespace(V1Namespace(metadata=V1ObjectMeta(name=home)))
        homes.append(home)
        for manifest in yaml.safe_load_all((ROOT / "docs" / "rbac" / file).read_text()) if file else ():
            made.append(bound(manifest, home, f"system:serviceaccounts:{home}"))
            utils.create_from_dict(kube, made[-1])  # type: ignore[no-untyped-call]
        api.create_namespaced_service_account(home, V1ServiceAccount(metadata=V1ObjectMeta(name=name)))
        request: Any = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": 3600},
        }
        answer: Any = api.create_namespaced_service_account_token(name, home, request)
        config = yaml.safe_load(lab_cluster.kubeconfig.read_text())
        config["users"][0]["user"] = {"token": answer.status.token}
        path = tmp_path / f"{name}.kubeconfig"
        path.write_text(yaml.safe_dump(config))
        return path

    yield make
    delete = {
        "ClusterRole": RbacAuthorizationV1Api(kube).delete_cluster_role,
        "ClusterRoleBinding": RbacAuthorizationV1Api(kube).delete_cluster_role_binding,
        "ValidatingAdmissionPolicy": AdmissionregistrationV1Api(kube).delete_validating_admission_policy,
        "ValidatingAdmissionPolicyBinding": AdmissionregistrationV1Api(kube).delete_validating_admission_policy_binding,
    }
    for home in homes:
        api.delete_namespace(home)
    for manifest in made:
        delete[manifest["kind"]](manifest["metadata"]["name"])


def bound(manifest: dict[str, Any], name: str, group: str) -> dict[str, Any]:
    """Return the manifest under another name, for another group of identities: this test's own."""
    text = yaml.safe_dump(manifest)
    for word in ("previewers", "deployers"):
        text = text.replace(f"kubernetes-emerging-{word}", group)
    for word in ("preview", "apply"):
        text = text.replace(f"kubernetes-emerging-{word}", name)
    changed: dict[str, Any] = yaml.safe_load(text)
    return changed
