"""In which order types are restored, so that what an object needs is there before it. Pure.

ReplicaSets come before Deployments, and ControllerRevisions before StatefulSets and DaemonSets: they are created
without their owner, and its controller adopts them by its selector, with their names and history; in the other order it
would have made others by then. Webhooks come last, for what serves them has to run before.
"""

from collections.abc import Mapping

_WAVES: tuple[tuple[str, ...], ...] = (
    ("customresourcedefinitions.apiextensions.k8s.io",),
    ("namespaces",),
    (
        "csidrivers.storage.k8s.io",
        "deviceclasses.resource.k8s.io",
        "ingressclasses.networking.k8s.io",
        "priorityclasses.scheduling.k8s.io",
        "runtimeclasses.node.k8s.io",
        "storageclasses.storage.k8s.io",
        "volumeattributesclasses.storage.k8s.io",
        "volumesnapshotclasses.snapshot.storage.k8s.io",
    ),
    ("clusterroles.rbac.authorization.k8s.io", "roles.rbac.authorization.k8s.io", "serviceaccounts"),
    ("clusterrolebindings.rbac.authorization.k8s.io", "rolebindings.rbac.authorization.k8s.io"),
    ("configmaps", "networkpolicies.networking.k8s.io", "secrets"),
    ("persistentvolumes",),
    ("persistentvolumeclaims",),
    ("services",),
    ("endpoints", "endpointslices.discovery.k8s.io"),
    ("controllerrevisions.apps", "replicasets.apps"),
    ("pods", "replicationcontrollers"),
    ("cronjobs.batch", "daemonsets.apps", "deployments.apps", "statefulsets.apps"),
    ("jobs.batch",),
    (),  # every other type: custom resources among them
    # Only now, for they would change, count or refuse what was accepted before.
    ("limitranges", "resourcequotas"),
    (
        "apiservices.apiregistration.k8s.io",
        "mutatingadmissionpolicies.admissionregistration.k8s.io",
        "mutatingadmissionpolicybindings.admissionregistration.k8s.io",
        "mutatingwebhookconfigurations.admissionregistration.k8s.io",
        "validatingadmissionpolicies.admissionregistration.k8s.io",
        "validatingadmissionpolicybindings.admissionregistration.k8s.io",
        "validatingwebhookconfigurations.admissionregistration.k8s.io",
    ),
)
_WAVE: Mapping[str, int] = {name: number for number, names in enumerate(_WAVES) for name in names}
_OTHERS = _WAVES.index(())
ADOPTED: Mapping[str, frozenset[str]] = {
    "controllerrevisions.apps": frozenset({"DaemonSet", "StatefulSet"}),
    "replicasets.apps": frozenset({"Deployment"}),
}
"""Types whose objects are created without these controllers of theirs, which adopt them."""


def wave_of(kind: str) -> int:
    """Return the number of the wave in which a type is restored."""
    return _WAVE.get(kind, _OTHERS)
