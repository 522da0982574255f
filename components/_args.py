"""The arguments that several components share: Kubernetes' own fields, in snake_case.

TypedDicts are the one form that works in a Python program and in a package served to other languages. Every
field keeps the meaning, unit and default of the Kubernetes field of the same name unless its text says more;
int-or-name fields are strings. They are read at run time by `_shape`, so there is no other list of the fields.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Required, TypedDict

from pulumi import Input

from components._placement_args import AffinityArgs, DisruptionBudgetArgs, TopologySpreadArgs
from components._volume_args import (
    CsiVolumeArgs,
    DownwardApiVolumeArgs,
    EphemeralVolumeArgs,
    FieldRefArgs,
    KeyToPathArgs,
    NfsVolumeArgs,
    ProjectedVolumeArgs,
    ResourceFieldRefArgs,
)


class ConnectionArgs(TypedDict, total=False):
    """How live actions reach the cluster; `Target.connection` gives it."""

    kubeconfig: Required[Input[str]]
    """The kubeconfig's content. Treat it as a secret."""
    context: Input[str]
    """The kubeconfig's context; its current one by default."""
    cluster_id: Input[str]
    """UID of the namespace kube-system that the cluster must have; any cluster by default."""


class HttpGetActionArgs(TypedDict, total=False):
    """An HTTP request (core/v1 HTTPGetAction)."""

    port: Required[Input[str]]
    """Number or name of the container's port."""
    path: Input[str]
    """Path of the request; / by default."""
    scheme: Input[str]
    """HTTP (the default) or HTTPS."""


class TcpSocketActionArgs(TypedDict, total=False):
    """A TCP connection (core/v1 TCPSocketAction)."""

    port: Required[Input[str]]
    """Number or name of the container's port."""


class ExecActionArgs(TypedDict, total=False):
    """A command run in the container (core/v1 ExecAction)."""

    command: Required[Input[Sequence[Input[str]]]]
    """The command and its arguments; no shell interprets them."""


class GrpcActionArgs(TypedDict, total=False):
    """A gRPC health check (core/v1 GRPCAction)."""

    port: Required[Input[int]]
    """Number of the container's port."""
    service: Input[str]
    """Service that is asked after; the server as a whole by default."""


class SleepActionArgs(TypedDict, total=False):
    """A pause (core/v1 SleepAction)."""

    seconds: Required[Input[int]]
    """How long, in seconds."""


class ProbeArgs(TypedDict, total=False):
    """A probe (core/v1 Probe): exactly one of `http_get`, `tcp_socket`, `exec` and `grpc`."""

    http_get: Input[HttpGetActionArgs]
    """Succeeds on a status from 200 to 399."""
    tcp_socket: Input[TcpSocketActionArgs]
    """Succeeds when the port accepts a connection."""
    exec: Input[ExecActionArgs]
    """Succeeds when the command exits with 0."""
    grpc: Input[GrpcActionArgs]
    """Succeeds when the server says that it serves."""
    initial_delay_seconds: Input[int]
    """Seconds before the first probe; 0 by default."""
    period_seconds: Input[int]
    """Seconds between probes; 10 by default."""
    timeout_seconds: Input[int]
    """Seconds after which a probe has failed; 1 by default."""
    success_threshold: Input[int]
    """Successes in a row that count as one; 1 by default, and must be 1 for startup and liveness."""
    failure_threshold: Input[int]
    """Failures in a row that count as one; 3 by default."""


class LifecycleHandlerArgs(TypedDict, total=False):
    """What runs at a moment of a container's life: exactly one of its fields."""

    exec: Input[ExecActionArgs]
    """A command in the container."""
    http_get: Input[HttpGetActionArgs]
    """A request to the container."""
    sleep: Input[SleepActionArgs]
    """A pause."""


class LifecycleArgs(TypedDict, total=False):
    """What runs after a container's start and before its end (core/v1 Lifecycle)."""

    post_start: Input[LifecycleHandlerArgs]
    """Runs right after the start; the container is not `started` before it ends."""
    pre_stop: Input[LifecycleHandlerArgs]
    """Runs before SIGTERM; its time counts towards the pod's grace period."""


class KeyRefArgs(TypedDict, total=False):
    """One key of a ConfigMap or a Secret."""

    name: Required[Input[str]]
    """Name of the ConfigMap or Secret in the workload's namespace."""
    key: Required[Input[str]]
    """The key in its data."""
    optional: Input[bool]
    """True: the container starts without it; false by default."""


class EnvVarSourceArgs(TypedDict, total=False):
    """Where a variable's value comes from: exactly one of its fields."""

    config_map_key_ref: Input[KeyRefArgs]
    """A key of a ConfigMap."""
    secret_key_ref: Input[KeyRefArgs]
    """A key of a Secret."""
    field_ref: Input[FieldRefArgs]
    """A field of the pod."""
    resource_field_ref: Input[ResourceFieldRefArgs]
    """A request or limit of a container."""


class EnvVarArgs(TypedDict, total=False):
    """An environment variable (core/v1 EnvVar)."""

    name: Required[Input[str]]
    """Name of the variable."""
    value: Input[str]
    """Its value; empty by default."""
    value_from: Input[EnvVarSourceArgs]
    """Where its value comes from, in place of `value`."""


class EnvFromRefArgs(TypedDict, total=False):
    """A ConfigMap or a Secret, every key of which becomes a variable."""

    name: Required[Input[str]]
    """Name of the ConfigMap or Secret in the workload's namespace."""
    optional: Input[bool]
    """True: the container starts without it; false by default."""


class EnvFromArgs(TypedDict, total=False):
    """Variables from a ConfigMap or a Secret: exactly one of the references (core/v1 EnvFromSource)."""

    config_map_ref: Input[EnvFromRefArgs]
    """A ConfigMap."""
    secret_ref: Input[EnvFromRefArgs]
    """A Secret."""
    prefix: Input[str]
    """What each variable's name begins with; nothing by default."""


class ContainerPortArgs(TypedDict, total=False):
    """A port that a container listens on (core/v1 ContainerPort)."""

    name: Required[Input[str]]
    """Name by which Services and probes find it, unique in the pod; at most 15 characters."""
    container_port: Required[Input[int]]
    """Number of the port, 1 to 65535."""
    protocol: Input[str]
    """TCP (the default), UDP or SCTP."""


class ResourcesArgs(TypedDict, total=False):
    """What a container asks for and may use (core/v1 ResourceRequirements)."""

    requests: Input[Mapping[str, Input[str]]]
    """What the scheduler reserves, by resource: `{"cpu": "100m", "memory": "128Mi"}`."""
    limits: Input[Mapping[str, Input[str]]]
    """What the kernel enforces, by resource."""


class ResizePolicyArgs(TypedDict, total=False):
    """What a change of a resource does to the running container (KEP-1287). Fixed when a pod is created."""

    resource_name: Required[Input[str]]
    """cpu or memory."""
    restart_policy: Required[Input[str]]
    """NotRequired (what Kubernetes assumes) or RestartContainer."""


class VolumeMountArgs(TypedDict, total=False):
    """Where a container sees a volume (core/v1 VolumeMount)."""

    name: Required[Input[str]]
    """Name of one of the workload's volumes."""
    mount_path: Required[Input[str]]
    """Absolute path in the container."""
    sub_path: Input[str]
    """Path inside the volume; its root by default."""
    sub_path_expr: Input[str]
    """The same with variables of the container in it, such as $(POD_NAME)."""
    read_only: Input[bool]
    """False by default."""
    mount_propagation: Input[str]
    """None (the default), HostToContainer, or Bidirectional, for which the container has to be privileged."""


class CapabilitiesArgs(TypedDict, total=False):
    """Rights of root, one by one, without the CAP_ in front (core/v1 Capabilities)."""

    add: Input[Sequence[Input[str]]]
    """None by default. `restricted` takes NET_BIND_SERVICE alone."""
    drop: Input[Sequence[Input[str]]]
    """ALL by default."""


class ProfileArgs(TypedDict, total=False):
    """A seccomp or AppArmor profile (core/v1 SeccompProfile and AppArmorProfile)."""

    type: Required[Input[str]]
    """RuntimeDefault, Localhost or Unconfined."""
    localhost_profile: Input[str]
    """For Localhost: the profile on the node."""


class SecurityContextArgs(TypedDict, total=False):
    """A container's exceptions from the secure defaults (core/v1 SecurityContext).

    What is below the `restricted` Pod Security level needs the workload's `pod_security`.
    """

    read_only_root_filesystem: Input[bool]
    """True by default."""
    run_as_user: Input[int]
    """User id; the image's own by default."""
    run_as_group: Input[int]
    """Group id; the image's own by default."""
    run_as_non_root: Input[bool]
    """True by default: the kubelet refuses to start a container as root."""
    privileged: Input[bool]
    """True: it is root of the node; false by default."""
    allow_privilege_escalation: Input[bool]
    """Whether a program can gain more rights than its parent, as by setuid; as `privileged` by default."""
    capabilities: Input[CapabilitiesArgs]
    """Rights of root; none by default."""
    seccomp_profile: Input[ProfileArgs]
    """System calls that are allowed; RuntimeDefault by default."""
    app_armor_profile: Input[ProfileArgs]
    """AppArmor profile; the runtime's by default, where the node has AppArmor."""


class ContainerArgs(TypedDict, total=False):
    """A container (core/v1 Container), secure by default: the `restricted` Pod Security level and a read-only root."""

    name: Required[Input[str]]
    """Name of the container, unique in the pod."""
    image: Required[Input[str]]
    """Image reference."""
    image_pull_policy: Input[str]
    """IfNotPresent, Always or Never; Kubernetes' own default depends on the tag."""
    command: Input[Sequence[Input[str]]]
    """In place of the image's entrypoint."""
    args: Input[Sequence[Input[str]]]
    """In place of the image's arguments."""
    working_dir: Input[str]
    """Working directory; the image's own by default."""
    env: Input[Sequence[Input[EnvVarArgs]]]
    """Environment variables."""
    env_from: Input[Sequence[Input[EnvFromArgs]]]
    """Environment variables from whole ConfigMaps and Secrets; of one name the last counts, and `env` before all."""
    ports: Input[Sequence[Input[ContainerPortArgs]]]
    """Ports that the container listens on; a Service finds them by name."""
    resources: Input[ResourcesArgs]
    """Requests and limits."""
    resize_policy: Input[Sequence[Input[ResizePolicyArgs]]]
    """What a change of CPU or memory does to the running container; no restart by default."""
    volume_mounts: Input[Sequence[Input[VolumeMountArgs]]]
    """Volumes that the container sees."""
    startup_probe: Input[ProbeArgs]
    """Holds off the other probes, and for a sidecar the containers after it, until it succeeds."""
    readiness_probe: Input[ProbeArgs]
    """Takes the pod out of its Services while it fails."""
    liveness_probe: Input[ProbeArgs]
    """Restarts the container when it fails."""
    lifecycle: Input[LifecycleArgs]
    """What runs after its start and before its end."""
    stop_seconds: Input[int]
    """Seconds that the container needs between its SIGTERM and its end, an `exec` or `http_get` in `pre_stop` counted
    in; the pods' grace period is computed from them. A main container that does not say counts as 30, a sidecar gets
    what is left. Not for an init container that runs to its end."""
    security_context: Input[SecurityContextArgs]
    """Exceptions from the secure defaults."""


class InitContainerArgs(ContainerArgs, total=False):
    """A container that runs to its end before the main containers start."""

    after: Input[str]
    """Name of the sidecar right after which it runs, so that it has that one and those before it, such as a proxy for a
    migration; before all sidecars by default."""


class SidecarArgs(ContainerArgs, total=False):
    """A native sidecar (KEP-753): it starts before the main containers, runs beside them and stops after them."""

    gates_start: Input[bool]
    """True (the default): the containers after it start once its startup probe has succeeded, which it needs for that.
    False: nothing has to wait until it works, and it has no startup probe; what comes after it starts as soon as it
    runs and its `post_start`, if it has one, has ended."""


class EmptyDirArgs(TypedDict, total=False):
    """A directory that lives as long as its pod (core/v1 EmptyDirVolumeSource)."""

    medium: Input[str]
    """'' (the node's disk, the default), Memory, HugePages or one size of them, such as HugePages-2Mi."""
    size_limit: Input[str]
    """Quantity over which the pod is evicted; none by default."""


class ReloadArgs(TypedDict, total=False):
    """What is run in every pod once it sees new content of a live config.

    The container is asked for that with `cat`, which it needs to have. A pod that starts later is told nothing. A
    command that fails fails the deployment, and the next one tries again.
    """

    container: Required[Input[str]]
    """Name of a main container or a sidecar that mounts the volume."""
    command: Required[Input[Sequence[Input[str]]]]
    """The command and its arguments, such as `["nginx", "-s", "reload"]`; no shell interprets them."""


class ConfigArgs(TypedDict, total=False):
    """Files that the workload brings along, by default in an immutable ConfigMap named after their content.

    New content is a new ConfigMap then, so pods that run keep what they started with, the change rolls, and a
    rollback finds what it needs: the last generations stay, owned by the Deployment.
    """

    name: Required[Input[str]]
    """Base of the ConfigMap's name, to which a dash and ten hex digits are added."""
    data: Required[Input[Mapping[str, Input[str]]]]
    """Content by file name."""
    on_change: Input[str]
    """roll (the default): other content rolls new pods out. live: it is changed in place, in one ConfigMap that stays,
    and the kubelets bring it into the pods that run within about a minute; what reads the files has to notice."""
    reload: Input[ReloadArgs]
    """How what reads a live config is told that it has changed; by nothing by default."""
    default_mode: Input[str]
    """Mode of the files, such as "0555" for programs; "0644" by default."""


class ConfigMapVolumeArgs(TypedDict, total=False):
    """A ConfigMap that exists already."""

    name: Required[Input[str]]
    """Name of the ConfigMap in the workload's namespace."""
    items: Input[Sequence[Input[KeyToPathArgs]]]
    """The keys that become files; every key, under its own name, by default."""
    default_mode: Input[str]
    """Mode of the files, such as "0440"; "0644" by default."""
    optional: Input[bool]
    """True: the pod starts without it; false by default."""


class SecretVolumeArgs(TypedDict, total=False):
    """A Secret that exists already."""

    secret_name: Required[Input[str]]
    """Name of the Secret in the workload's namespace."""
    items: Input[Sequence[Input[KeyToPathArgs]]]
    """The keys that become files; every key, under its own name, by default."""
    default_mode: Input[str]
    """Mode of the files, such as "0440"; "0644" by default."""
    optional: Input[bool]
    """True: the pod starts without it; false by default."""


class PersistentVolumeClaimArgs(TypedDict, total=False):
    """A claim that exists already."""

    claim_name: Required[Input[str]]
    """Name of the claim in the workload's namespace."""
    read_only: Input[bool]
    """False by default."""


class HostPathArgs(TypedDict, total=False):
    """A path of the node. It breaks the pod's isolation: only with `allow_host_path` or `pod_security` privileged."""

    path: Required[Input[str]]
    """Absolute path on the node."""
    type: Input[str]
    """What must be there, such as Directory or File; unchecked by default."""


class VolumeArgs(TypedDict, total=False):
    """A volume: a name and exactly one source."""

    name: Required[Input[str]]
    """Name by which containers mount it."""
    empty_dir: Input[EmptyDirArgs]
    """An empty directory; `{}` takes the defaults."""
    config: Input[ConfigArgs]
    """Files that the workload brings along."""
    config_map: Input[ConfigMapVolumeArgs]
    """A ConfigMap that exists already."""
    secret: Input[SecretVolumeArgs]
    """A Secret that exists already."""
    persistent_volume_claim: Input[PersistentVolumeClaimArgs]
    """A claim that exists already."""
    projected: Input[ProjectedVolumeArgs]
    """Several sources in one directory, also a token for somebody else than the API server."""
    downward_api: Input[DownwardApiVolumeArgs]
    """What the pod knows of itself, as files."""
    csi: Input[CsiVolumeArgs]
    """A volume that a CSI driver makes for each pod."""
    ephemeral: Input[EphemeralVolumeArgs]
    """A claim that each pod gets for itself and takes along when it goes."""
    nfs: Input[NfsVolumeArgs]
    """A directory of an NFS server; needs `pod_security` baseline."""
    host_path: Input[HostPathArgs]
    """A path of the node; needs `allow_host_path`."""


class TolerationArgs(TypedDict, total=False):
    """A taint that the pods tolerate (core/v1 Toleration)."""

    key: Input[str]
    """Key of the taint; every key by default."""
    operator: Input[str]
    """Equal (the default) or Exists."""
    value: Input[str]
    """Value of the taint."""
    effect: Input[str]
    """NoSchedule, PreferNoSchedule or NoExecute; every effect by default."""
    toleration_seconds: Input[int]
    """Seconds after which NoExecute applies; never by default."""


class RollingUpdateArgs(TypedDict, total=False):
    """How many pods a rollout may add and miss (apps/v1 RollingUpdateDeployment)."""

    max_surge: Input[str]
    """Number or percentage of pods above `replicas`; 25% by default."""
    max_unavailable: Input[str]
    """Number or percentage of pods below `replicas`; 25% by default."""


class StrategyArgs(TypedDict, total=False):
    """How new pods take the place of old ones (apps/v1 DeploymentStrategy); a resize in place needs none."""

    type: Input[str]
    """RollingUpdate (the default) or Recreate, which a volume of one node may need."""
    rolling_update: Input[RollingUpdateArgs]
    """For RollingUpdate only."""


class WorkloadArgs(TypedDict, total=False):
    """What every workload component takes: its pods, and what keeps them."""

    connection: Required[Input[ConnectionArgs]]
    """How the component watches and resizes what runs: `Target.connection`."""
    namespace: Required[Input[str]]
    """Namespace of everything the component makes."""
    name: Input[str]
    """Name of the object that keeps the pods; the component's own name by default."""
    replicas: Input[int]
    """Number of pods; leave it out when an autoscaler owns it (Kubernetes then starts with 1)."""
    min_ready_seconds: Input[int]
    """Seconds for which a new pod has to be ready without a crash before it counts as available; 0 by default."""
    restart: Input[str]
    """Any text: another one replaces all pods by a rollout, such as after a Secret has changed. None by default."""
    moved_from: str
    """A plain Deployment (or what else keeps the pods) of this program that moves into the component and stays the same
    object: its Pulumi name, if it stood directly in the stack, or its URN. `name`, `match_labels` and the provider have
    to be those that it has. None by default."""
    match_labels: Input[Mapping[str, Input[str]]]
    """Labels by which it knows its pods; `app.kubernetes.io/name: <name>` by default."""
    labels: Input[Mapping[str, Input[str]]]
    """More labels on it and its pods."""
    annotations: Input[Mapping[str, Input[str]]]
    """Annotations on the pods."""
    containers: Required[Input[Sequence[Input[ContainerArgs]]]]
    """The main containers, at least one."""
    init_containers: Input[Sequence[Input[InitContainerArgs]]]
    """Containers that run to their end, in order, before the sidecars start, or right `after` one of them."""
    volumes: Input[Sequence[Input[VolumeArgs]]]
    """Volumes that the containers mount."""
    allow_host_path: Input[bool]
    """Allows `host_path` volumes, whatever `pod_security` says; false by default."""
    pod_security: Input[str]
    """The Pod Security level that the pods keep to. restricted (the default), baseline: may run as root and with the
    usual capabilities, or privileged: anything. What is below the level is refused. A namespace that enforces a level
    refuses the pods all the same."""
    service_account_name: Input[str]
    """Service account of the pods; the namespace's default one by default."""
    automount_service_account_token: Input[bool]
    """Gives the containers a token for the API; false by default."""
    image_pull_secrets: Input[Sequence[Input[str]]]
    """Names of Secrets for pulling the images."""
    node_selector: Input[Mapping[str, Input[str]]]
    """Labels that a node must have."""
    tolerations: Input[Sequence[Input[TolerationArgs]]]
    """Taints that the pods tolerate."""
    affinity: Input[AffinityArgs]
    """Nodes and other pods that the pods run near to, or away from."""
    topology_spread_constraints: Input[Sequence[Input[TopologySpreadArgs]]]
    """How evenly the pods are spread over nodes, zones and other places."""
    disruption_budget: Input[DisruptionBudgetArgs]
    """How many pods evictions have to leave, in a PodDisruptionBudget; none by default."""
    priority_class_name: Input[str]
    """PriorityClass of the pods; the cluster's default by default."""
    share_process_namespace: Input[bool]
    """True: the containers see, and may signal, each other's processes; false by default."""
    fs_group: Input[int]
    """Group that owns the pods' volumes; none by default."""
    termination_grace_period_seconds: Input[int]
    """Seconds from the beginning of a pod's end to SIGKILL. By default computed: the longest `pre_stop` sleep and
    `stop_seconds` of the main containers, then `stop_seconds` of each sidecar; and 30 after the longest sleep at least,
    unless every container has its `stop_seconds`. Less than what the containers say is refused."""
    pod_spec_patch: Input[Mapping[str, Any]]
    """For what these fields lack: a merge patch on the pod spec in Kubernetes' own camelCase. Lists of named
    objects merge by name, null removes. Containers that it adds have the secure defaults, and `pod_security` counts for
    it, too. The API server checks the result in preview."""
    in_place: Input[str]
    """preferred (the default): a change of CPU or memory alone resizes the running pods where the cluster can,
    and rolls, saying why, where it cannot. required: a change of CPU or memory that is anything else than in place
    fails, in preview and before the update touches the Deployment. off: always rolls."""
    resize_failure_policy: Input[str]
    """What becomes of a resize that a kubelet cannot carry out within the patience (Infeasible, Deferred, Error).
    rollback (the default): templates and pods get their old sizes back, and the update fails. rollout: new pods of the
    new size are rolled out. wait: the new size stays, the kubelets carry it out when they can, and `ready` fails until
    they have."""
    rollback_on_failure: Input[bool]
    """True: an update that rolls out new pods is proved before Pulumi records it. When its pods cannot become ready, or
    are not within the patience, the workload gets its former template back and the update fails, so that Pulumi's
    state and the cluster agree. False by default: the failed revision stays, beside the old pods that still serve."""
    patience_seconds: Input[int]
    """Seconds that the pods may take to become ready before the deployment fails with a diagnosis; 120 by default. Of a
    Job: seconds until it is complete; 600 by default."""


class DeploymentWorkloadArgs(WorkloadArgs, total=False):
    """What every workload component takes whose pods a Deployment keeps."""

    strategy: Input[StrategyArgs]
    """How new pods take the place of old ones; a rolling update by default."""


class VolumeClaimTemplateArgs(TypedDict, total=False):
    """A claim that each pod of a StatefulSet gets for itself (core/v1 PersistentVolumeClaim)."""

    name: Required[Input[str]]
    """Name by which containers mount it."""
    storage: Required[Input[str]]
    """Its size, such as 10Gi (`resources.requests.storage`). It cannot change later."""
    access_modes: Input[Sequence[Input[str]]]
    """ReadWriteOnce by default."""
    storage_class_name: Input[str]
    """StorageClass of the claims; the cluster's default by default."""


class ClaimRetentionPolicyArgs(TypedDict, total=False):
    """What becomes of the claims (apps/v1 StatefulSetPersistentVolumeClaimRetentionPolicy)."""

    when_deleted: Input[str]
    """Of all, when the StatefulSet is deleted: Retain (the default) or Delete."""
    when_scaled: Input[str]
    """Of a pod's, when it is scaled away: Retain (the default) or Delete."""
