"""Whole arguments of a ResizableDeployment for Hypothesis: valid ones, and near-misses of every field.

`FIELDS` has for each field of each TypedDict what is valid there and what nearly is. The TypedDicts themselves say
which fields there are, which are required and of what type, so wrong types and missing fields are made from them. About
half of the arguments are valid; of the others most have one near-miss, so that it is the one that is judged.
"""

import functools
import itertools
import typing
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

import components._args as shared
import components._placement_args as placement
import components._volume_args as volumes
from components._config import config_map_of
from components._kept import DEPLOYMENT
from components._shape import camel, shape_of
from components.model import disruption, names, pod_security, volume, workload
from components.resize import ResizableDeploymentArgs
from components.testing import CONNECTION

ROOT = ResizableDeploymentArgs
NAME = "corpus"
"""The component's own name."""
SPACE = "corpus"
"""The namespace of valid arguments; it has to be there, for the server refuses what has none."""
SERVICE_ACCOUNT = "robot"
"""A service account that has to be there, for the server refuses pods of another."""
PRIORITY_CLASS = "corpus"
"""A priority class that has to be there."""

Values = st.SearchStrategy[Any]


@dataclass
class Pod:
    """What has been drawn so far, as far as other fields refer to it."""

    taken: dict[type, list[Any]] = field(default_factory=lambda: defaultdict(list))
    ports: list[str] = field(default_factory=list)
    sidecars: list[str] = field(default_factory=list)
    grace: int = 30
    level: int = 0
    numbers: Iterator[int] = field(default_factory=itertools.count)


@dataclass(frozen=True)
class Value:
    """A scalar or a map: what is valid, and what is not or nearly not. Both may depend on what was drawn so far.

    What is `once` is valid once only, so that a second one of the same value is a near-miss.
    """

    good: Values | Callable[[Pod], Values]
    bad: Values | Callable[[Pod], Values]
    once: bool = False


@dataclass(frozen=True)
class Part:
    """An object, or with `most` a list of up to so many, with some of its fields `always` or `never` there."""

    of: type
    least: int = 0
    most: int = 0
    always: tuple[str, ...] = ()
    never: tuple[str, ...] = ()


def one(*values: Any) -> Values:
    """Take one of some values."""
    return st.sampled_from(values)


def bounded(low: int, high: int) -> Value:
    """Take whole numbers between two bounds, also as the floats that other languages send."""
    inside = st.integers(low, high) | one(low, high, float(low))
    return Value(inside, one(low - 1, high + 1, -1, 2**31, 2**63, -(2**63) - 1) | st.integers(-(2**40), 2**40))


def fresh(text: Values, most: int = 63) -> Callable[[Pod], Values]:
    """Take a text with a number behind it that no other has."""

    def numbered(pod: Pod) -> Values:
        end = str(next(pod.numbers))
        return text.map(lambda base: base[: most - len(end)] + end)

    return numbered


LABEL = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True) | one("a" * 63)
SUBDOMAIN = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?(\.[a-z]{1,3})?", fullmatch=True)
WILD = st.text(st.sampled_from("aZ09-._/ :=%'[]~é\n"), max_size=8) | st.text(max_size=4)
BAD_LABEL = one("", "Web", "a_b", "a.b", "-a", "a-", "a b", "a" * 64, "é", "a\n") | WILD
BAD_SUBDOMAIN = one("", "Web", "a_b", ".a", "a.", "a..b", "a.-b", "a" * 254, "a/b") | WILD
# Without the valid ones: no object has these names, so the server would refuse them for that.
NO_SUBDOMAIN = BAD_SUBDOMAIN.filter(lambda name: any(names.dns_subdomain("", name)))
REFERENCE = Value(SUBDOMAIN, BAD_SUBDOMAIN)
LABEL_KEY = st.from_regex(r"([a-z]{1,5}(\.[a-z]{1,3})?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,6}[A-Za-z0-9])?", fullmatch=True)
LABEL_VALUE = st.from_regex(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,6}[A-Za-z0-9])?)?", fullmatch=True) | one("a" * 63)
BAD_KEY = one("", "/a", "a/", "a/b/c", "A.com/x", "-a", "a b", "a" * 64, "a" * 254 + "/b", "a.b_c/d") | WILD
BAD_VALUE = one("-a", "a-", "a b", "a/b", "a" * 64, "é") | WILD
LABELS = Value(
    st.dictionaries(LABEL_KEY, LABEL_VALUE, min_size=1, max_size=3),
    st.dictionaries(BAD_KEY, LABEL_VALUE, min_size=1, max_size=1)
    | st.dictionaries(LABEL_KEY, BAD_VALUE, min_size=1, max_size=1)
    | one({}, {"a": None}, {"app.kubernetes.io/name": "other"}),
)
ANNOTATION_KEYS = (
    "controller.kubernetes.io/pod-deletion-cost",
    "container.apparmor.security.beta.kubernetes.io/none-such",
    "seccomp.security.alpha.kubernetes.io/pod",
    "container.seccomp.security.alpha.kubernetes.io/web",
    "kubernetes.io/config.mirror",
    "scheduler.alpha.kubernetes.io/tolerations",
)
NUMBERS = ("", "0", "-1", "-08", "+1", "08", "2147483648", "-2147483649")
ANNOTATION_VALUES = (*NUMBERS, "runtime/default", "unconfined", "localhost/x", "[]")
APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"


def annotations(pod: Pod) -> Values:
    """Take annotations, some of which the server reads."""
    free = st.dictionaries(LABEL_KEY | one("Example.COM/Key"), st.text(max_size=8), max_size=3)
    first = pod.taken[shared.ContainerArgs][:1]
    read = [
        {"controller.kubernetes.io/pod-deletion-cost": "-100"},
        *({APP_ARMOR + name: f"localhost/{PROFILE}"} for name in first),
    ]
    return free | one(*read)


def bad_annotations(pod: Pod) -> Values:
    """Take annotations that the server reads, with keys and values that it may not understand."""
    keys = one(*ANNOTATION_KEYS, *(APP_ARMOR + str(name) for name in pod.taken[shared.ContainerArgs]))
    read = st.dictionaries(keys, one(*ANNOTATION_VALUES) | WILD, min_size=1, max_size=2)
    free = st.dictionaries(BAD_KEY, st.text(max_size=2), min_size=1, max_size=1)
    return read | free | one({"a": "x" * 262144}, {"a": "x" * 262143})


TEXT = Value(st.text(max_size=8), st.text(max_size=20))
PATH = Value(one("/", "/healthz", "ready?full=1"), WILD | one(""))
SECONDS = bounded(1, 2**31 - 1)
PROBE_PORT = Value(
    lambda pod: one(*pod.ports, "80", "65535") if pod.ports else one("80", "1"),
    one("", "0", "65536", "none-such", "Http", "080", "-1", "8 0", "99999999999", "sixteen-letters-", "٣") | WILD,
)
FILE = st.from_regex(r"[-_a-zA-Z0-9][-._a-zA-Z0-9]{0,8}", fullmatch=True) | one(".env", "a" * 253)
BAD_FILE = one("", ".", "..", "..a", "a/b", "a b", "é", "a" * 254) | WILD
CPU = one("10m", "0.1", "100m", ".25", "1e-1", "250000u", "+0.5", "5.e-2")
MUCH_CPU = one("1", "2", "1500m", "2.", "1e1", "4")
MEMORY = one("32Mi", "64M", "67108864", "0.05Gi", "1e8", "48.5Mi", "20000Ki")
MUCH_MEMORY = one("256Mi", "1Gi", "1G", "0.5Gi", "1Ti", "1e9", "2147483648")
QUANTITY = (
    st.from_regex(r"[+-]?[0-9]{0,4}(\.[0-9]{0,5})?([numkMGTPE]i?|[eE][+-]?[0-9]{1,2})?", fullmatch=True)
    | one("", "128m", "128", "100M", "-1", "-0", "0", "1 Mi", " 1", "1mi", "1K", "9E", "9Ei", "1e-9", "0.1n", "٣", "1e")
    | one("1.0005", "1.00000000000000000000000000000001", "9223372036854775807", "1e18", "9223372036854775")
    | WILD
)
RESOURCE = (
    one(
        "cpu", "memory", "ephemeral-storage", "hugepages-2Mi", "hugepages-1Gi", "example.com/gpu", "kubernetes.io/batch"
    )
    | one("hugepages-", "hugepages-x", "hugepages-1.5", "memroy", "pods", "requests.example.com/x", "a" * 60 + ".b/x")
    | one("CPU", "storage", "example.com/", "/gpu", "a/b/c", "hugepages-0", "hugepages-2Mi/x", "x" * 64 + "/y")
    | WILD
)
AMOUNTS = st.dictionaries(RESOURCE, QUANTITY, min_size=1, max_size=2)


def amounts(cpu: Values, memory: Values) -> Values:
    """Take valid amounts of what every container has."""
    return st.fixed_dictionaries({"cpu": cpu}, optional={"memory": memory, "ephemeral-storage": memory})


def patches(pod: Pod) -> Values:
    """Take a patch that has an effect on a container, or on what has no field of its own."""
    first = [*pod.taken[shared.ContainerArgs], "web"][0]
    return one(
        {},
        {"hostname": "fixed"},
        {"restartPolicy": "Always", "dnsPolicy": "Default", "shareProcessNamespace": True},
        {"securityContext": None if pod.level else {}, "volumes": [{"name": "extra", "emptyDir": {}}]},
        {"containers": [{"name": first, "stdin": True, "securityContext": {"runAsUser": 1000}}]},
        {"containers": [{"name": "debug", "image": "d:1"}]},
        {"initContainers": [{"name": "early", "image": "e:1", "restartPolicy": "Always"}]},
        {"containers": [{"name": first, "resources": {"limits": {"cpu": "4", "memory": "2Ti"}}}]},
    )


def bad_patches(pod: Pod) -> Values:
    """Take a patch that leaves the pod without something, or with something that it cannot have."""
    first = [*pod.taken[shared.ContainerArgs], "web"][0]
    lists = one(
        None,
        [],
        [None],
        [{"stdin": True}],
        [{"name": "none-such", "stdin": True}],
        [{"name": "x", "image": "i"}, {"name": "x", "image": "i"}],
        [{"name": "x", "image": "i", "resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}}],
        [{"name": "x", "image": "i", "resources": {"requests": {"memory": "64m"}}}],
        [{"name": first, "resources": {"limits": {"cpu": "1m"}}}],
        [{"name": first, "resources": {"requests": {"cpu": "-1"}}}],
        [{"name": first, "resources": {"limits": {"example.com/gpu": "0.5"}}}],
        [{"name": first, "resources": None}],
        [{"name": first, "securityContext": None}],
        [{"name": first, "securityContext": {"procMount": "Default", "seLinuxOptions": {"level": "s0:c1"}}}],
        [{"name": first, "securityContext": {"seLinuxOptions": {"type": "spc_t", "user": "u"}}}],
        [{"name": "x", "image": "i", "ports": [{"containerPort": 80, "hostPort": 80}]}],
        *([{"name": "x", "image": "i", "restartPolicy": policy}] for policy in ("Never", "OnFailure", "Always", None)),
        *([{"name": first, "restartPolicy": policy}] for policy in ("Never", "Always", None)),
        *([{"name": name, "restartPolicy": policy}] for name in pod.sidecars for policy in ("Never", "Always", None)),
        [{"name": first, "terminationGracePeriodSeconds": 5}],
    )
    return st.dictionaries(one("containers", "initContainers"), lists, min_size=1, max_size=1) | one(
        *({"restartPolicy": policy} for policy in ("Never", "OnFailure", None)),
        *({"terminationGracePeriodSeconds": seconds} for seconds in (1, 0, -1, None)),
        {"hostNetwork": True},
        {"securityContext": None},
        {"securityContext": {"sysctls": [{"name": "net.ipv4.tcp_syncookies", "value": "1"}]}},
        {"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
        {"volumes": [{"name": "fc", "iscsi": {"targetPortal": "10.0.0.1", "iqn": "iqn.2001-04.com.example:a"}}]},
        {"volumes": None},
        {"volumes": []},
        {"initContainers": None},
    )


def mount_paths(pod: Pod) -> Values:
    """Take a path that no other volume of the pod is mounted at."""
    end = next(pod.numbers)
    return one(f"/data/{end}", f"/{end}", f"/srv/a b/{end}/")


def containers_so_far(pod: Pod) -> Values:
    """Take the name of a container; the first one has a name that volumes, which are drawn before it, can refer to."""
    return one(*(pod.taken[shared.ContainerArgs] or [FIRST]))


def container_names(pod: Pod) -> Values:
    """Take a name for a container."""
    return fresh(LABEL)(pod) if pod.taken[shared.ContainerArgs] else st.just(FIRST)


def capabilities(pod: Pod) -> list[str]:
    """Return capabilities that the pod's level takes."""
    return [[], ["CHOWN"], ["CHOWN", "NET_ADMIN"]][pod.level]


FIRST = "first"
PROFILE = "profiles/a.json"
MODE = Value(
    one("0440", "0777", "0000"), one("", "440", "0o440", "01777", "0888", "288", "-440", "0440 ", "٠٤٤٠", "644") | WILD
)
INSIDE = Value(
    fresh(one("a", "conf/app", ".env", "a..b")), one("", "/a", "..", "..a", "a/../b", "../a", "a/..") | WILD, once=True
)
NO_SIZES = ("limits.cpu", "requests.cpu", "", "cpu", "limits.gpu", "limits.memroy", "limits.hugepages-", "requests")
AGREEING = Value(
    one([], ["pod-template-hash"]), one(["a b"], [""], ["app.kubernetes.io/name"], ["tenant"]) | st.lists(BAD_KEY)
)
SHARE = Value(
    one("0", "1", "50%", "100%", "0%", "2147483647"),
    one("", "-1", "1.5", "101%", "25 %", "٣", "٣%", "2147483648", "99999999999999999999%", "one", "+1") | WILD,
)
REQUIRED = "required_during_scheduling_ignored_during_execution"
PREFERRED = "preferred_during_scheduling_ignored_during_execution"
PROBES_OF_CONTAINER = ("startup_probe", "readiness_probe", "liveness_probe")
PROBES: dict[str, Value | Part] = {
    "initial_delay_seconds": bounded(0, 2**31 - 1),
    "period_seconds": SECONDS,
    "timeout_seconds": SECONDS,
    "success_threshold": Value(one(1, 1.0), one(0, 2, -1, 2**31)),
    "failure_threshold": SECONDS,
}
FIELDS: dict[type, dict[str, Value | Part]] = {
    shared.ConnectionArgs: {
        "kubeconfig": Value(st.just(CONNECTION["kubeconfig"]), one("~/.kube/config", "")),
        "context": TEXT,
        "cluster_id": TEXT,
    },
    shared.HttpGetActionArgs: {
        "port": PROBE_PORT,
        "path": PATH,
        "scheme": Value(one("HTTP", "HTTPS"), one("http", "", "TCP")),
    },
    shared.TcpSocketActionArgs: {"port": PROBE_PORT},
    shared.ExecActionArgs: {"command": Value(st.lists(st.text(max_size=4), min_size=1, max_size=2), one([], [""]))},
    shared.GrpcActionArgs: {"port": bounded(1, 65535), "service": TEXT},
    shared.SleepActionArgs: {
        "seconds": Value(lambda pod: st.integers(0, pod.grace), one(-1, 31, 30, 3600, 2**31, 2**63))
    },
    shared.ProbeArgs: {
        "http_get": Part(shared.HttpGetActionArgs),
        "tcp_socket": Part(shared.TcpSocketActionArgs),
        "exec": Part(shared.ExecActionArgs),
        "grpc": Part(shared.GrpcActionArgs),
        **PROBES,
    },
    shared.LifecycleHandlerArgs: {
        "exec": Part(shared.ExecActionArgs),
        "http_get": Part(shared.HttpGetActionArgs),
        "sleep": Part(shared.SleepActionArgs),
    },
    shared.LifecycleArgs: {
        "post_start": Part(shared.LifecycleHandlerArgs),
        "pre_stop": Part(shared.LifecycleHandlerArgs),
    },
    shared.KeyRefArgs: {"name": REFERENCE, "key": Value(FILE, BAD_FILE)},
    volumes.FieldRefArgs: {
        "field_path": Value(
            # These are for variables and for files; the near-misses are for one of them, or for none.
            one("metadata.name", "metadata.uid", "metadata.labels['a/b']", "metadata.annotations['A.b/c']"),
            one("status.podIP", "spec.host", "status.hostIPs", "metadata.annotations")
            | one(
                "status.phase", "metadata.labels", "spec.nodeName['a']", "metadata.labels['A.b/c']", "", "status.podip"
            )
            | one("metadata.labels['']", "metadata.labels['a", "metadata.labels['a']['b']", "spec.containers")
            | WILD,
        )
    },
    shared.EnvVarSourceArgs: {
        "config_map_key_ref": Part(shared.KeyRefArgs),
        "secret_key_ref": Part(shared.KeyRefArgs),
        "field_ref": Part(volumes.FieldRefArgs),
        "resource_field_ref": Part(volumes.ResourceFieldRefArgs),
    },
    volumes.ResourceFieldRefArgs: {
        "resource": Value(one("limits.memory", "requests.ephemeral-storage", "limits.hugepages-2Mi"), one(*NO_SIZES)),
        "container_name": Value(containers_so_far, one("", "none-such")),
        "divisor": Value(one("1", "1Mi", "1k"), one("1m", "", "0", "1024", "1e3", "2", "1 Mi", "1mi", "1000m", "1Zi")),
    },
    shared.EnvFromRefArgs: {"name": REFERENCE},
    shared.EnvFromArgs: {
        "config_map_ref": Part(shared.EnvFromRefArgs),
        "secret_ref": Part(shared.EnvFromRefArgs),
        "prefix": Value(one("", "APP_", "a.b-"), one("A=B", "é", "\n") | WILD),
    },
    shared.EnvVarArgs: {
        "name": Value(
            fresh(st.text(st.characters(min_codepoint=32, max_codepoint=60), max_size=5) | LABEL), WILD, once=True
        ),
        "value": Value(st.text(max_size=4), one("", "x")),
        "value_from": Part(shared.EnvVarSourceArgs),
    },
    shared.ContainerPortArgs: {
        "name": Value(
            fresh(st.just("port-"), 15),
            one("", "80", "a--b", "-a", "Http", "sixteen-letters-", "a_b") | WILD,
            once=True,
        ),
        "container_port": Value(
            lambda pod: st.just(8000 + next(pod.numbers)), one(0, 1, 65535, 65536, -1, 8000, 2**31)
        ),
        "protocol": Value(one("TCP", "UDP", "SCTP"), one("tcp", "", "HTTP")),
    },
    shared.ResourcesArgs: {
        "requests": Value(
            amounts(CPU, MEMORY), AMOUNTS | amounts(one("5", "0", "-0.0001"), one("2Ti", "0", "9Ei")) | one({})
        ),
        "limits": Value(
            amounts(MUCH_CPU, MUCH_MEMORY)
            | one(
                {"cpu": "1", "example.com/gpu": "2", "hugepages-2Mi": "8Mi"}, {"memory": "1Gi", "hugepages-1Gi": "1Gi"}
            ),
            AMOUNTS | one({"cpu": "1m"}, {"memory": "1Mi"}, {"hugepages-2Mi": "3Mi"}, {"hugepages-2Mi": "4Mi"}),
        ),
    },
    shared.ResizePolicyArgs: {
        "resource_name": Value(one("cpu", "memory"), one("", "CPU", "ephemeral-storage")),
        "restart_policy": Value(one("NotRequired", "RestartContainer"), one("", "Always", "notRequired")),
    },
    shared.VolumeMountArgs: {
        "name": Value(lambda pod: one(*pod.taken[shared.VolumeArgs]), one("", "none-such")),
        "mount_path": Value(mount_paths, one("", "data", "/a:b", "./x") | WILD, once=True),
        "sub_path": Value(one("", "a", "a/b", "..a"), one("/a", "..", "a/../b", "a/..") | WILD),
        "sub_path_expr": Value(one(""), one("$(POD_NAME)", "a", "/a", "..", "a/..") | WILD),
        "mount_propagation": Value(one("None", "HostToContainer"), one("Bidirectional", "", "none", "Private")),
    },
    shared.CapabilitiesArgs: {
        "add": Value(
            lambda pod: st.lists(one("NET_BIND_SERVICE", *capabilities(pod)), max_size=2),
            st.lists(one("CHOWN", "NET_ADMIN", "CAP_SYS_ADMIN", "net_admin", "ALL", "", "A-B") | WILD, max_size=2),
        ),
        "drop": Value(
            lambda pod: one(["ALL"], ["KILL", "ALL"], *([["KILL"]] if pod.level else [])),
            st.lists(one("all", "KILL", "CAP_KILL", "") | WILD, max_size=2),
        ),
    },
    shared.ProfileArgs: {
        "type": Value(one("Localhost"), one("RuntimeDefault", "Unconfined", "", "localhost", "Default")),
        "localhost_profile": Value(st.just(PROFILE), one("", "/a", "../a", " a", "a ", "a" * 4096) | WILD),
    },
    shared.SecurityContextArgs: {
        "run_as_user": Value(one(1, 1000, 2**31 - 1), one(0, -1, 2**31)),
        "run_as_group": bounded(0, 2**31 - 1),
        "run_as_non_root": Value(lambda pod: one(True, pod.level == 0), st.just(False)),
        "privileged": Value(lambda pod: one(False, pod.level > 1), st.just(True)),
        "allow_privilege_escalation": Value(lambda pod: st.just(pod.level > 0), one(True, False)),
        "capabilities": Part(shared.CapabilitiesArgs),
        "seccomp_profile": Part(shared.ProfileArgs, always=("localhost_profile",)),
        "app_armor_profile": Part(shared.ProfileArgs, always=("localhost_profile",)),
    },
    shared.ContainerArgs: {
        "name": Value(container_names, BAD_LABEL, once=True),
        "image": Value(one("nginx:1.29", "localhost/a@sha256:" + "0" * 64), one("", " a", "a ", "a b", "a\tb") | WILD),
        "image_pull_policy": Value(one("IfNotPresent", "Always", "Never"), one("", "always", "Sometimes")),
        "command": Value(st.lists(st.text(max_size=4), max_size=2), one([""])),
        "args": Value(st.lists(st.text(max_size=4), max_size=2), one([""])),
        "working_dir": Value(one("/srv", ""), WILD),
        "env": Part(shared.EnvVarArgs, most=2),
        "env_from": Part(shared.EnvFromArgs, most=2),
        "ports": Part(shared.ContainerPortArgs, most=2),
        "resources": Part(shared.ResourcesArgs, always=("requests",)),
        "resize_policy": Part(shared.ResizePolicyArgs, most=2),
        "volume_mounts": Part(shared.VolumeMountArgs, most=2),
        "startup_probe": Part(shared.ProbeArgs),
        "readiness_probe": Part(shared.ProbeArgs),
        "liveness_probe": Part(shared.ProbeArgs),
        "lifecycle": Part(shared.LifecycleArgs),
        "stop_seconds": Value(one(1, 5, 5.0), one(0, -1, 30, 86400, 86401, 2**31)),
        "security_context": Part(shared.SecurityContextArgs),
    },
    shared.EmptyDirArgs: {
        "medium": Value(one("", "Memory", "HugePages", "HugePages-2Mi"), one("memory", "Disk", "HugePages-") | WILD),
        "size_limit": Value(MEMORY, QUANTITY),
    },
    shared.ConfigArgs: {
        "name": Value(fresh(one("base", "a.b-", "a" * 63)), BAD_SUBDOMAIN | one("a" * 64), once=True),
        "data": Value(
            st.dictionaries(FILE, st.text(max_size=8), min_size=1, max_size=2),
            st.dictionaries(BAD_FILE, st.just(""), min_size=1, max_size=1)
            | one({}, {"a": None}, {"a": "x" * 2**20}, {"a": "x" * 2**20, "b": "y"}, {"a": "é" * 2**19 + "z"}),
        ),
        "on_change": Value(one("roll", "live"), one("", "Live", "reload")),
        "reload": Part(shared.ReloadArgs),
        "default_mode": MODE,
    },
    shared.ReloadArgs: {
        "container": REFERENCE,
        "command": Value(st.just(["true"]), st.just([])),
    },
    volumes.KeyToPathArgs: {"key": Value(FILE, BAD_FILE), "path": INSIDE, "mode": MODE},
    shared.ConfigMapVolumeArgs: {
        "name": REFERENCE,
        "items": Part(volumes.KeyToPathArgs, most=2),
        "default_mode": MODE,
    },
    shared.SecretVolumeArgs: {
        "secret_name": REFERENCE,
        "items": Part(volumes.KeyToPathArgs, most=2),
        "default_mode": MODE,
    },
    volumes.DownwardApiFileArgs: {
        "path": INSIDE,
        "field_ref": Part(volumes.FieldRefArgs),
        "resource_field_ref": Part(volumes.ResourceFieldRefArgs, always=("container_name",)),
        "mode": MODE,
    },
    volumes.DownwardApiVolumeArgs: {"items": Part(volumes.DownwardApiFileArgs, least=1, most=2), "default_mode": MODE},
    volumes.DownwardApiProjectionArgs: {"items": Part(volumes.DownwardApiFileArgs, least=1, most=2)},
    volumes.KeysProjectionArgs: {"name": REFERENCE, "items": Part(volumes.KeyToPathArgs, most=2)},
    volumes.ServiceAccountTokenArgs: {
        "path": INSIDE,
        "audience": TEXT,
        "expiration_seconds": Value(one(600, 3600, 2**32), one(599, 0, -1, 2**32 + 1, 2**63)),
    },
    volumes.ProjectionArgs: {
        "config_map": Part(volumes.KeysProjectionArgs),
        "secret": Part(volumes.KeysProjectionArgs),
        "downward_api": Part(volumes.DownwardApiProjectionArgs),
        "service_account_token": Part(volumes.ServiceAccountTokenArgs),
    },
    volumes.ProjectedVolumeArgs: {"sources": Part(volumes.ProjectionArgs, least=1, most=2), "default_mode": MODE},
    volumes.SecretReferenceArgs: {"name": REFERENCE},
    volumes.CsiVolumeArgs: {
        "driver": Value(one("secrets-store.csi.k8s.io", "CSI.Example.com", "a" * 63), BAD_SUBDOMAIN | one("a" * 64)),
        "fs_type": TEXT,
        "volume_attributes": Value(
            st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=2), one({"a": None})
        ),
        "node_publish_secret_ref": Part(volumes.SecretReferenceArgs),
    },
    volumes.EphemeralVolumeArgs: {
        "storage": Value(MEMORY, QUANTITY),
        "access_modes": Value(
            one([], ["ReadWriteOnce"], ["ReadOnlyMany", "ReadWriteMany"], ["ReadWriteOncePod"]),
            one([""], ["ReadWrite"], ["ReadWriteOncePod", "ReadWriteOnce"], ["ReadWriteOnce", "ReadWriteOnce"]),
        ),
        "storage_class_name": REFERENCE,
    },
    volumes.NfsVolumeArgs: {
        "server": Value(one("nfs.example.com", "10.0.0.1", "a b"), one("")),
        "path": Value(one("/", "/srv/../a"), one("", "srv", "./a") | WILD),
    },
    shared.PersistentVolumeClaimArgs: {"claim_name": REFERENCE},
    shared.HostPathArgs: {
        "path": Value(one("/", "/srv", "/a/..b"), one("", "srv", "/a/../b", "..") | WILD),
        "type": Value(one("", "Directory", "FileOrCreate"), one("Folder", "directory")),
    },
    shared.VolumeArgs: {
        "name": Value(fresh(LABEL), BAD_LABEL, once=True),
        "empty_dir": Part(shared.EmptyDirArgs),
        # The server never sees a reload, and which containers there will be is not drawn yet.
        "config": Part(shared.ConfigArgs, never=("reload",)),
        "config_map": Part(shared.ConfigMapVolumeArgs),
        "secret": Part(shared.SecretVolumeArgs),
        "persistent_volume_claim": Part(shared.PersistentVolumeClaimArgs),
        "projected": Part(volumes.ProjectedVolumeArgs),
        "downward_api": Part(volumes.DownwardApiVolumeArgs),
        "csi": Part(volumes.CsiVolumeArgs),
        "ephemeral": Part(volumes.EphemeralVolumeArgs),
        "nfs": Part(volumes.NfsVolumeArgs),
        "host_path": Part(shared.HostPathArgs),
    },
    shared.TolerationArgs: {
        "key": Value(LABEL_KEY, BAD_KEY),
        "operator": Value(one("Equal"), one("", "Exists", "exists", "Lt", "Gt")),
        "value": Value(LABEL_VALUE, BAD_VALUE),
        "effect": Value(one("NoExecute"), one("", "NoSchedule", "PreferNoSchedule", "NoRun")),
        "toleration_seconds": Value(one(0, 300, -1, 2**63 - 1), one(2**63, -(2**63) - 1)),
    },
    placement.LabelRequirementArgs: {
        "key": Value(LABEL_KEY, BAD_KEY),
        "operator": Value(one("In", "NotIn"), one("Exists", "DoesNotExist", "Gt", "", "in")),
        "values": Value(st.lists(LABEL_VALUE, min_size=1, max_size=2), one([]) | st.lists(BAD_VALUE, max_size=1)),
    },
    placement.LabelSelectorArgs: {
        "match_labels": Value(st.dictionaries(LABEL_KEY, LABEL_VALUE, max_size=2), LABELS.bad),
        "match_expressions": Part(placement.LabelRequirementArgs, most=1, always=("values",)),
    },
    placement.NodeRequirementArgs: {
        "key": Value(LABEL_KEY, BAD_KEY | one("metadata.name", "metadata.namespace")),
        "operator": Value(one("In", "NotIn"), one("Exists", "DoesNotExist", "Gt", "Lt", "", "in")),
        "values": Value(
            one(["a"], ["1"], ["-1"]), one([], ["1", "2"], ["1.5"], ["٣"]) | st.lists(BAD_VALUE, max_size=2)
        ),
    },
    placement.NodeSelectorTermArgs: {
        "match_expressions": Part(placement.NodeRequirementArgs, least=1, most=2, always=("values",)),
        "match_fields": Value(
            one([], [{"key": "metadata.name", "operator": "In", "values": ["node-1.example.com"]}]),
            one(
                [{"key": "metadata.namespace", "operator": "In", "values": ["a"]}],
                [{"key": "metadata.name", "operator": "Exists"}],
                [{"key": "metadata.name", "operator": "NotIn", "values": ["a", "b"]}],
                [{"key": "metadata.name", "operator": "In", "values": ["A_b"]}],
            ),
        ),
    },
    placement.NodeSelectorArgs: {"node_selector_terms": Part(placement.NodeSelectorTermArgs, least=1, most=2)},
    placement.PreferredNodesArgs: {"weight": bounded(1, 100), "preference": Part(placement.NodeSelectorTermArgs)},
    placement.NodeAffinityArgs: {
        REQUIRED: Part(placement.NodeSelectorArgs),
        PREFERRED: Part(placement.PreferredNodesArgs, most=1),
    },
    placement.PodAffinityTermArgs: {
        "topology_key": Value(LABEL_KEY, BAD_KEY),
        "label_selector": Part(placement.LabelSelectorArgs),
        "namespaces": Value(st.lists(LABEL, max_size=2), st.lists(BAD_LABEL, max_size=1)),
        "namespace_selector": Part(placement.LabelSelectorArgs),
        "match_label_keys": AGREEING,
        "mismatch_label_keys": Value(one([], ["tenant"]), AGREEING.bad),
    },
    placement.PreferredPodsArgs: {"weight": bounded(1, 100), "pod_affinity_term": Part(placement.PodAffinityTermArgs)},
    placement.PodAffinityArgs: {
        REQUIRED: Part(placement.PodAffinityTermArgs, most=1),
        PREFERRED: Part(placement.PreferredPodsArgs, most=1),
    },
    placement.AffinityArgs: {
        "node_affinity": Part(placement.NodeAffinityArgs),
        "pod_affinity": Part(placement.PodAffinityArgs),
        "pod_anti_affinity": Part(placement.PodAffinityArgs),
    },
    placement.TopologySpreadArgs: {
        "max_skew": bounded(1, 2**31 - 1),
        "topology_key": Value(fresh(one("kubernetes.io/host", "zone")), BAD_KEY, once=True),
        "when_unsatisfiable": Value(one("DoNotSchedule"), one("ScheduleAnyway", "", "Wait")),
        "label_selector": Part(placement.LabelSelectorArgs),
        "min_domains": Value(one(1, 2**31 - 1), one(0, -1, 2**31)),
        "match_label_keys": AGREEING,
        "node_affinity_policy": Value(one("Honor", "Ignore"), one("", "honor")),
        "node_taints_policy": Value(one("Honor", "Ignore"), one("", "honor")),
    },
    placement.DisruptionBudgetArgs: {
        "min_available": SHARE,
        "max_unavailable": SHARE,
        "unhealthy_pod_eviction_policy": Value(one("IfHealthyBudget", "AlwaysAllow"), one("", "Always")),
    },
    shared.RollingUpdateArgs: {
        "max_surge": Value(
            one("1", "25%", "200%", "2147483647"),
            one("0", "0%", "00", "-1", "1.5", "", "25 %", "%", "٣", "٣%", "2147483648", "99999999999999999999%") | WILD,
        ),
        "max_unavailable": Value(
            one("0", "1", "100%", "0%", "2147483647"),
            one("101%", "-1", "00%", "", "one", "25%%", "٣%", "2147483648", "99999999999999999999%") | WILD,
        ),
    },
    shared.StrategyArgs: {
        "type": Value(one("RollingUpdate"), one("Recreate", "", "Rolling", "recreate")),
        "rolling_update": Part(shared.RollingUpdateArgs),
    },
    ROOT: {
        # First, for what is valid in a container depends on it.
        "pod_security": Value(one("restricted", "baseline", "privileged"), one("", "Baseline", "none")),
        "connection": Part(shared.ConnectionArgs),
        "namespace": Value(st.just(SPACE), BAD_LABEL),
        "name": Value(LABEL, BAD_SUBDOMAIN | one("a.b", "a" * 64, "a" * 242, "a" * 243, "a" * 253)),
        "replicas": bounded(0, 2**31 - 1),
        "strategy": Part(shared.StrategyArgs),
        "match_labels": LABELS,
        "labels": LABELS,
        "termination_grace_period_seconds": Value(
            one(30, 60, 2**31 - 1) | st.integers(30, 300), one(0, 1, -1, 2**31, 2**63)
        ),
        "volumes": Part(shared.VolumeArgs, most=3),
        "allow_host_path": Value(st.just(True), st.just(False)),
        "containers": Part(shared.ContainerArgs, least=1, most=2, always=("resources",)),
        "sidecars": Part(shared.SidecarArgs, most=1, always=("startup_probe",)),
        "init_containers": Part(
            shared.InitContainerArgs,
            most=1,
            never=(*PROBES_OF_CONTAINER, "lifecycle", "resize_policy", "stop_seconds"),
        ),
        "service_account_name": Value(st.just(SERVICE_ACCOUNT), NO_SUBDOMAIN),
        "image_pull_secrets": Value(
            st.lists(SUBDOMAIN, max_size=2, unique=True), st.lists(BAD_SUBDOMAIN, max_size=2) | one(["a", "a"])
        ),
        "node_selector": LABELS,
        "tolerations": Part(shared.TolerationArgs, most=2, always=("key", "effect")),
        "affinity": Part(placement.AffinityArgs),
        "topology_spread_constraints": Part(placement.TopologySpreadArgs, most=2),
        "disruption_budget": Part(placement.DisruptionBudgetArgs),
        "priority_class_name": Value(st.just(PRIORITY_CLASS), NO_SUBDOMAIN),
        "fs_group": bounded(0, 2**31 - 1),
        "annotations": Value(annotations, bad_annotations),
        "pod_spec_patch": Value(patches, bad_patches),
        "min_ready_seconds": Value(one(0, 5, 599), one(-1, 600, 86399, 2**31)),
        "restart": Value(st.text(max_size=8), one("", "x" * 262144)),
        "moved_from": Value(one("web", "urn:pulumi:a::b::c::d"), one("")),
        "resize_failure_policy": Value(one("rollback", "wait"), one("", "rollout", "never")),
        "in_place": Value(one("preferred", "required", "off"), one("", "always", "Off")),
        "patience_seconds": Value(one(1, 120, 86400), one(0, -1, 86401)),
    },
}

FIELDS[shared.SidecarArgs] = {**FIELDS[shared.ContainerArgs], "gates_start": Value(st.just(True), st.just(False))}
FIELDS[shared.InitContainerArgs] = {
    **FIELDS[shared.ContainerArgs],
    "after": Value(lambda pod: one(*pod.sidecars) if pod.sidecars else st.none(), one("", "none-such", FIRST)),
}
# Objects whose names are taken from the same store.
ALIKE: dict[type, type] = dict.fromkeys((shared.SidecarArgs, shared.InitContainerArgs), shared.ContainerArgs)

# Of these fields of an object exactly one is there.
CHOICES: dict[type, tuple[str, ...]] = {
    shared.ProbeArgs: ("http_get", "tcp_socket", "exec", "grpc"),
    shared.LifecycleHandlerArgs: ("exec", "http_get", "sleep"),
    shared.EnvVarSourceArgs: ("config_map_key_ref", "secret_key_ref", "field_ref", "resource_field_ref"),
    shared.EnvFromArgs: ("config_map_ref", "secret_ref"),
    shared.EnvVarArgs: ("value", "value_from"),
    volumes.DownwardApiFileArgs: ("field_ref", "resource_field_ref"),
    volumes.ProjectionArgs: ("config_map", "secret", "downward_api", "service_account_token"),
    placement.DisruptionBudgetArgs: ("min_available", "max_unavailable"),
    shared.VolumeArgs: (
        *("empty_dir", "config", "config_map", "secret", "persistent_volume_claim", "projected", "downward_api"),
        *("csi", "ephemeral", "nfs", "host_path"),
    ),
}
LEFT_OUT = object()
"""Stands for a field that is not there."""
WRONG: dict[str, Values] = {
    "str": one(5, True, ["a"], LEFT_OUT),
    "int": one("1", 1.5, True, [], float("inf"), LEFT_OUT),
    "bool": one("true", 1, LEFT_OUT),
    "list": one({}, "a", [None], LEFT_OUT),
    "map": one([], "a", LEFT_OUT),
    "object": one([], "a", {"none_such": 1}, LEFT_OUT),
}


def objects() -> set[type]:
    """Return every TypedDict of the arguments, found through their fields."""
    found: set[type] = set()
    waiting: list[Any] = [ROOT]
    while waiting:
        hint = waiting.pop()
        if typing.is_typeddict(hint):
            if hint not in found:
                found.add(hint)
                waiting += typing.get_type_hints(hint, localns={"Output": list, "T": Any}, include_extras=True).values()
        else:
            waiting += typing.get_args(hint)
    return found


def without_values() -> list[str]:
    """Return the fields of the arguments for which there is no entry in `FIELDS`, and entries without a field."""
    wrong = []
    for of in sorted(objects(), key=lambda each: each.__name__):
        fields = shape_of(of).fields or {}
        listed = FIELDS.get(of, {})
        needed = {name for name, shape in fields.items() if shape.kind != "bool"}
        wrong += [f"{of.__name__}.{name} lacks its values in FIELDS" for name in sorted(needed - set(listed))]
        wrong += [f"{of.__name__}.{name} in FIELDS is no field" for name in sorted(set(listed) - set(fields))]
    return wrong


def entry(of: type, name: str) -> Value | Part:
    """Return what a field can hold; booleans need no entry."""
    return FIELDS[of].get(name) or Value(st.booleans(), st.booleans())


@functools.cache
def within(of: type) -> set[type]:
    """Return an object and all objects in it."""
    parts = [part.of for part in FIELDS[of].values() if isinstance(part, Part)]
    return {of}.union(*(within(part) for part in parts))


KINDS = (*["valid"] * 4, *["one"] * 5, "several")
# Where the one near-miss is. Of an object or a list only the type can be wrong, so they come more rarely; without a
# field's name, the near-miss is that none of the choices is there, or two.
TARGETS = [(of, "") for of in CHOICES] + [
    (of, name)
    for of in FIELDS
    for name in shape_of(of).fields or {}
    for _ in range(1 if isinstance(entry(of, name), Part) else 4)
]


class Drawing:
    """Draws one set of arguments; with a target, one near-miss there, and with a rate, more of them anywhere."""

    def __init__(self, draw: Callable[[Values], Any], target: tuple[type, str] | None, rate: int) -> None:
        self.draw = draw
        self.target = target
        self.rate = rate
        self.pod = Pod()

    def object(self, of: type, part: Part) -> dict[str, Any]:
        """Draw an object with its required fields and some of the others."""
        shape = shape_of(of)
        fields = [*FIELDS[of], *(name for name in shape.fields or {} if name not in FIELDS[of])]
        choices = CHOICES.get(of, ())
        wanted = [name for name in choices if self.leads(of, name)]
        chosen = {self.draw(st.sampled_from(wanted or choices))} if choices else set()
        if choices and self.misses(of, ""):
            chosen = set(choices[: self.draw(one(0, 2))])
        if ALIKE.get(of, of) is shared.ContainerArgs:
            self.pod.ports = []
        made = {}
        for name in fields:
            fixed = name in chosen or name in shape.required or name in part.always
            never = name in part.never or (name in choices and name not in chosen)
            if fixed or (not never and (self.leads(of, name) or self.sometimes(3))):
                value = self.value(of, name)
                if value is not LEFT_OUT:
                    made[name] = value
                    self.remember(of, name, value)
        return made

    def value(self, of: type, name: str) -> Any:
        """Draw what a field holds."""
        held = entry(of, name)
        if self.misses(of, name):
            return self.near_miss(of, name)
        if isinstance(held, Value):
            return self.draw(self.values(held.good))
        if held.most == 0:
            return self.object(held.of, held)
        if held.of is shared.VolumeMountArgs and not self.pod.taken[shared.VolumeArgs]:
            return []
        least = max(held.least, int(self.leads(of, name)))
        return [self.object(held.of, held) for _ in range(self.draw(st.integers(least, held.most)))]

    def near_miss(self, of: type, name: str) -> Any:
        """Draw what a field nearly can hold, what another one holds already, or a value of the wrong type."""
        held, kind = entry(of, name), (shape_of(of).fields or {})[name].kind
        if isinstance(held, Part) or (kind in WRONG and self.sometimes(1)):
            return self.draw(WRONG[kind])
        taken = self.pod.taken[ALIKE.get(of, of)] if held.once else []
        if taken and self.sometimes(5):
            return self.draw(one(*taken))
        return self.draw(self.values(held.bad))

    def values(self, held: Values | Callable[[Pod], Values]) -> Values:
        """Return values, which may depend on what was drawn so far."""
        return held if isinstance(held, st.SearchStrategy) else held(self.pod)

    def misses(self, of: type, name: str) -> bool:
        """Tell whether a near-miss is due; of a field that is valid once, often the second one is it."""
        if self.target != (of, name):
            return self.sometimes(self.rate)
        held = entry(of, name) if name else None
        if isinstance(held, Value) and held.once and not self.pod.taken[ALIKE.get(of, of)] and self.sometimes(4):
            return False
        self.target = None
        return True

    def leads(self, of: type, name: str) -> bool:
        """Tell whether the way to the target goes through a field."""
        if self.target is None:
            return False
        held = entry(of, name)
        # Without a volume there is nothing to mount.
        mounts = self.target[0] is shared.VolumeMountArgs and (of, name) == (ROOT, "volumes")
        return self.target == (of, name) or mounts or (isinstance(held, Part) and self.target[0] in within(held.of))

    def sometimes(self, tenths: int) -> bool:
        """Draw yes or no, where no is the simpler one."""
        return tenths > 0 and self.draw(st.integers(1, 10)) > 10 - tenths

    def remember(self, of: type, name: str, value: Any) -> None:
        """Keep what other fields refer to."""
        held = entry(of, name)
        if isinstance(held, Value) and held.once and isinstance(value, str):
            self.pod.taken[ALIKE.get(of, of)].append(value)
        if of is shared.ContainerPortArgs and name == "name" and isinstance(value, str):
            self.pod.ports.append(value)
        if of is ROOT and name == "sidecars" and isinstance(value, list):
            named = [each.get("name") for each in value if isinstance(each, dict)]
            self.pod.sidecars = [each for each in named if isinstance(each, str)]
        if name == "pod_security" and value in pod_security.LEVELS:
            self.pod.level = pod_security.LEVELS.index(value)
        if name == "termination_grace_period_seconds" and isinstance(value, int):
            self.pod.grace = max(0, min(value, 2**31 - 1))


@st.composite
def arguments(draw: st.DrawFn) -> dict[str, Any]:
    """Draw arguments: some are valid, most have one near-miss (many of which are valid, too), a few have several."""
    kind = draw(st.sampled_from(KINDS))
    target = draw(st.sampled_from(TARGETS)) if kind == "one" else None
    return Drawing(draw, target, rate=1 if kind == "several" else 0).object(ROOT, Part(ROOT))


def manifests(args: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what the component registers for arguments that are all known, its Deployment at the end."""
    fields = camel({name: value for name, value in args.items() if name != "connection"}, ROOT)
    name, namespace = fields.get("name") or NAME, fields["namespace"]
    key = volume.workload_key("ResizableDeployment", NAME)
    config_maps = {}
    for each in fields.get("volumes") or []:
        if config := each.get("config"):
            base, data = config["name"], config["data"]
            called = volume.live_name(base, key) if volume.is_live(config) else volume.config_name(base, data, key)
            config_maps[each["name"]] = config_map_of(config, called, namespace, key)
    mounted = {place: config_map["metadata"]["name"] for place, config_map in config_maps.items()}
    spec = workload.deployment_spec(
        fields,
        selector=workload.selector(name, fields.get("matchLabels")),
        template=workload.template(name, fields, mounted),
        deadline=workload.progress_deadline(fields.get("patienceSeconds") or DEPLOYMENT.patience),
    )
    labels = workload.labels(name, fields.get("labels"), fields.get("matchLabels"))
    metadata = {"name": name, "namespace": namespace, "labels": labels, "annotations": DEPLOYMENT.wait_for}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
    made = [{"apiVersion": "v1", "kind": "ConfigMap", **each} for each in config_maps.values()]
    if fields.get("disruptionBudget") is not None:
        budget = disruption.spec(fields["disruptionBudget"], spec["selector"]["matchLabels"])
        kind = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget"}
        made.append({**kind, "metadata": {"name": name, "namespace": namespace}, "spec": budget})
    return [*made, deployment]
