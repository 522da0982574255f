"""Which properties of which kinds the official provider replaces an object for.

Source: the provider's documented behaviour and the table in its diff (pulumi-kubernetes v4). Two things look
odd and are kept because the official one does so: DaemonSet selectors are not in it (the API server refuses
the change), and a Pod's tolerations are changed in place.
"""

from lab.engine.values import Object

_IDENTITY = ["metadata.name", "metadata.namespace"]

_CONTAINER = [
    *("args", "command", "env", "image", "imagePullPolicy", "lifecycle", "livenessProbe", "ports"),
    *("readinessProbe", "resources", "securityContext", "stdin", "stdinOnce", "terminationMessagePath"),
    *("terminationMessagePolicy", "tty", "volumeDevices", "volumeMounts", "workingDir"),
]
_POD = [
    *("affinity", "automountServiceAccountToken", "dnsConfig", "dnsPolicy", "enableServiceLinks", "hostAliases"),
    *("hostIPC", "hostNetwork", "hostPID", "hostname", "imagePullSecrets", "nodeName", "nodeSelector", "overhead"),
    *("preemptionPolicy", "priority", "priorityClassName", "readinessGates", "restartPolicy", "runtimeClassName"),
    *("schedulerName", "securityContext", "serviceAccount", "serviceAccountName", "shareProcessNamespace"),
    *("subdomain", "terminationGracePeriodSeconds", "volumes"),
    *(f"{group}[*].{name}" for group in ("containers", "initContainers") for name in _CONTAINER),
]
_VOLUME_SOURCES = [
    *("awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "csi", "fc", "flexVolume", "flocker"),
    *("gcePersistentDisk", "glusterfs", "hostPath", "iscsi", "local", "nfs", "photonPersistentDisk"),
    *("portworxVolume", "quobyte", "rbd", "scaleIO", "storageos", "vsphereVolume"),
]
_STATEFUL_SET = ["podManagementPolicy", "revisionHistoryLimit", "selector", "serviceName", "volumeClaimTemplates"]

_TABLE: dict[tuple[str, str], list[str]] = {
    ("v1", "ConfigMap"): ["binaryData", "data"],
    ("v1", "Secret"): ["type", "stringData", "data"],
    ("v1", "Service"): ["spec.clusterIP"],
    ("v1", "Pod"): [f"spec.{name}" for name in _POD],
    ("v1", "PersistentVolume"): [f"spec.{name}" for name in _VOLUME_SOURCES],
    ("v1", "PersistentVolumeClaim"): ["spec"],
    ("v1", "ResourceQuota"): ["spec.scopes"],
    ("apps/v1", "Deployment"): ["spec.selector"],
    ("apps/v1", "StatefulSet"): [f"spec.{name}" for name in _STATEFUL_SET],
    ("batch/v1", "Job"): ["spec.completions", "spec.parallelism", "spec.selector", "spec.template"],
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): ["roleRef"],
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): ["roleRef"],
    ("storage.k8s.io/v1", "StorageClass"): ["parameters", "provisioner"],
}


def force_new(manifest: Object, *, mutable_config_maps: bool, mutable_secrets: bool) -> list[str]:
    """Return the property paths whose change replaces this object.

    The two flags are the provider's enableConfigMapMutable and enableSecretMutable; an object that is itself
    `immutable` is replaced all the same.
    """
    kind = (str(manifest.get("apiVersion")), str(manifest.get("kind")))
    fields = _TABLE.get(kind, [])
    immutable = manifest.get("immutable") is True
    if kind == ("v1", "ConfigMap") and mutable_config_maps and not immutable:
        fields = []
    if kind == ("v1", "Secret") and mutable_secrets and not immutable:
        fields = ["type"]
    return [*_IDENTITY, *fields]
