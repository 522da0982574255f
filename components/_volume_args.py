"""The arguments of volumes and variables that are made of what the cluster has: see `_args`.

File modes are octal text such as "0440", as `chmod` and Kubernetes' own documentation write them: as a number, 440
would mean another mode in YAML, in JSON and in a program.
"""

from collections.abc import Mapping, Sequence
from typing import Required, TypedDict

from pulumi import Input


class FieldRefArgs(TypedDict, total=False):
    """One field of the pod (core/v1 ObjectFieldSelector)."""

    field_path: Required[Input[str]]
    """For example `status.podIP` or `metadata.name`; in a file also `metadata.labels` as a whole."""


class ResourceFieldRefArgs(TypedDict, total=False):
    """One request or limit of a container (core/v1 ResourceFieldSelector)."""

    resource: Required[Input[str]]
    """For example `limits.memory` or `requests.cpu`; a limit that is not set counts as the node's allocatable."""
    container_name: Input[str]
    """The container; of a variable the own one by default, of a file it is required."""
    divisor: Input[str]
    """The unit: 1 (the default) or 1m of CPU; 1, 1k to 1E or 1Ki to 1Ei of the others."""


class KeyToPathArgs(TypedDict, total=False):
    """One key as one file (core/v1 KeyToPath)."""

    key: Required[Input[str]]
    """The key in the data."""
    path: Required[Input[str]]
    """Path of the file inside the volume."""
    mode: Input[str]
    """Mode of the file, such as "0400"; the volume's `default_mode` by default."""


class DownwardApiFileArgs(TypedDict, total=False):
    """One field of the pod as one file: `path`, and exactly one of the references."""

    path: Required[Input[str]]
    """Path of the file inside the volume."""
    field_ref: Input[FieldRefArgs]
    """A field of the pod's metadata."""
    resource_field_ref: Input[ResourceFieldRefArgs]
    """A request or limit of a container."""
    mode: Input[str]
    """Mode of the file, such as "0400"; the volume's `default_mode` by default."""


class DownwardApiVolumeArgs(TypedDict, total=False):
    """What the pod knows of itself, as files (core/v1 DownwardAPIVolumeSource)."""

    items: Required[Input[Sequence[Input[DownwardApiFileArgs]]]]
    """The files."""
    default_mode: Input[str]
    """Mode of the files; "0644" by default."""


class KeysProjectionArgs(TypedDict, total=False):
    """A ConfigMap or a Secret in a projected volume."""

    name: Required[Input[str]]
    """Name of the ConfigMap or Secret in the workload's namespace."""
    items: Input[Sequence[Input[KeyToPathArgs]]]
    """The keys that become files; every key, under its own name, by default."""
    optional: Input[bool]
    """True: the pod starts without it; false by default."""


class DownwardApiProjectionArgs(TypedDict, total=False):
    """What the pod knows of itself, in a projected volume."""

    items: Required[Input[Sequence[Input[DownwardApiFileArgs]]]]
    """The files."""


class ServiceAccountTokenArgs(TypedDict, total=False):
    """A token of the pods' service account that the kubelet renews (core/v1 ServiceAccountTokenProjection)."""

    path: Required[Input[str]]
    """Path of the file inside the volume."""
    audience: Input[str]
    """For whom the token is; the API server by default."""
    expiration_seconds: Input[int]
    """Seconds for which it is valid, 600 or more; 3600 by default."""


class ProjectionArgs(TypedDict, total=False):
    """One source of a projected volume: exactly one of its fields (core/v1 VolumeProjection)."""

    config_map: Input[KeysProjectionArgs]
    """A ConfigMap that exists already."""
    secret: Input[KeysProjectionArgs]
    """A Secret that exists already."""
    downward_api: Input[DownwardApiProjectionArgs]
    """What the pod knows of itself."""
    service_account_token: Input[ServiceAccountTokenArgs]
    """A token, also where `automount_service_account_token` is false."""


class ProjectedVolumeArgs(TypedDict, total=False):
    """Several sources in one directory (core/v1 ProjectedVolumeSource)."""

    sources: Required[Input[Sequence[Input[ProjectionArgs]]]]
    """What is brought together; no path may come twice."""
    default_mode: Input[str]
    """Mode of the files; "0644" by default."""


class SecretReferenceArgs(TypedDict, total=False):
    """A Secret by its name (core/v1 LocalObjectReference)."""

    name: Required[Input[str]]
    """Name of the Secret in the workload's namespace."""


class CsiVolumeArgs(TypedDict, total=False):
    """A volume that a CSI driver makes for each pod (core/v1 CSIVolumeSource)."""

    driver: Required[Input[str]]
    """Name of the driver, such as secrets-store.csi.k8s.io."""
    read_only: Input[bool]
    """False by default."""
    fs_type: Input[str]
    """File system; the driver's choice by default."""
    volume_attributes: Input[Mapping[str, Input[str]]]
    """What the driver is told; see its documentation."""
    node_publish_secret_ref: Input[SecretReferenceArgs]
    """Secret that the driver is given; none by default."""


class EphemeralVolumeArgs(TypedDict, total=False):
    """A claim that each pod gets for itself and takes along when it goes (core/v1 EphemeralVolumeSource)."""

    storage: Required[Input[str]]
    """Its size, such as 10Gi (`resources.requests.storage`)."""
    access_modes: Input[Sequence[Input[str]]]
    """ReadWriteOnce by default."""
    storage_class_name: Input[str]
    """StorageClass of the claims; the cluster's default by default."""


class NfsVolumeArgs(TypedDict, total=False):
    """A directory of an NFS server; below the `restricted` Pod Security level (core/v1 NFSVolumeSource)."""

    server: Required[Input[str]]
    """Name or address of the server."""
    path: Required[Input[str]]
    """Absolute path that it exports."""
    read_only: Input[bool]
    """False by default."""
