"""What each component of a node is told: command lines and configuration files, as values.

Paths are the node's own; `plan.py` says what of the host is shown there. Every choice that is not a plain
consequence of the addresses is a lab's: one node, one replica of everything, nothing durable beyond this machine.
"""

from typing import Any

from lab.cluster import images, youki
from lab.cluster.network import Ranges
from lab.cluster.pki import NODE_NAME

BIN = "/opt/lab/bin"
PKI = "/etc/kubernetes/pki"
CONFIG = "/etc/kubernetes"
CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
API_PORT = 6443
DOMAIN = "cluster.local"
WASM_HANDLER = "wasmedge"
"""The handler for a RuntimeClass whose pods are WASM modules."""
ETCD_PEER = "http://127.0.0.1:2380"
"""Where etcd would meet other members; a node has no others."""
MIXED_HANDLER = "crun"
"""The handler for one whose pods may have Linux containers beside their modules, by crun's annotation."""
YOUKI_SPEC = "youki.json"
_ETCD_PORT = 2379


def server_url(ranges: Ranges) -> str:
    """Return the API server's URL, the same from the host, the node and the pods."""
    return f"https://{ranges.node_address}:{API_PORT}"


def kubeconfig(server: str, context: str, ca: str, certificate: str, key: str) -> dict[str, Any]:
    """Return a kubeconfig with one context; the last three are base64 of PEM files."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": context, "cluster": {"server": server, "certificate-authority-data": ca}}],
        "users": [{"name": context, "user": {"client-certificate-data": certificate, "client-key-data": key}}],
        "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
        "current-context": context,
    }


def etcd() -> list[str]:
    """Return etcd's command line."""
    url = f"https://127.0.0.1:{_ETCD_PORT}"
    return [
        f"{BIN}/etcd",
        f"--name={NODE_NAME}",
        "--data-dir=/var/lib/etcd",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls={ETCD_PEER}",
        f"--initial-advertise-peer-urls={ETCD_PEER}",
        f"--initial-cluster={NODE_NAME}={ETCD_PEER}",
        "--client-cert-auth=true",
        f"--trusted-ca-file={PKI}/etcd-ca.crt",
        f"--cert-file={PKI}/etcd.crt",
        f"--key-file={PKI}/etcd.key",
        # Safe against kills, not against a power cut: this store is made to be thrown away.
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def apiserver(ranges: Ranges) -> list[str]:
    """Return kube-apiserver's command line."""
    return [
        f"{BIN}/kube-apiserver",
        "--bind-address=0.0.0.0",
        f"--secure-port={API_PORT}",
        f"--advertise-address={ranges.node_address}",
        f"--service-cluster-ip-range={ranges.services}",
        f"--etcd-servers=https://127.0.0.1:{_ETCD_PORT}",
        f"--etcd-cafile={PKI}/etcd-ca.crt",
        f"--etcd-certfile={PKI}/apiserver-etcd-client.crt",
        f"--etcd-keyfile={PKI}/apiserver-etcd-client.key",
        f"--client-ca-file={PKI}/ca.crt",
        f"--tls-cert-file={PKI}/apiserver.crt",
        f"--tls-private-key-file={PKI}/apiserver.key",
        f"--kubelet-certificate-authority={PKI}/ca.crt",
        f"--kubelet-client-certificate={PKI}/apiserver-kubelet-client.crt",
        f"--kubelet-client-key={PKI}/apiserver-kubelet-client.key",
        "--kubelet-preferred-address-types=InternalIP",
        f"--service-account-issuer=https://kubernetes.default.svc.{DOMAIN}",
        f"--service-account-key-file={PKI}/sa.pub",
        f"--service-account-signing-key-file={PKI}/sa.key",
        f"--requestheader-client-ca-file={PKI}/front-proxy-ca.crt",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-username-headers=X-Remote-User",
        f"--proxy-client-cert-file={PKI}/front-proxy-client.crt",
        f"--proxy-client-key-file={PKI}/front-proxy-client.key",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        "--allow-privileged=true",
    ]


def controller_manager(ranges: Ranges) -> list[str]:
    """Return kube-controller-manager's command line."""
    return [
        f"{BIN}/kube-controller-manager",
        *_as_client("controller-manager"),
        f"--client-ca-file={PKI}/ca.crt",
        f"--requestheader-client-ca-file={PKI}/front-proxy-ca.crt",
        f"--root-ca-file={PKI}/ca.crt",
        f"--service-account-private-key-file={PKI}/sa.key",
        f"--cluster-signing-cert-file={PKI}/ca.crt",
        f"--cluster-signing-key-file={PKI}/ca.key",
        "--use-service-account-credentials=true",
        "--allocate-node-cidrs=true",
        f"--cluster-cidr={ranges.pods}",
        f"--node-cidr-mask-size={ranges.pods.prefixlen}",
        f"--service-cluster-ip-range={ranges.services}",
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
    ]


def scheduler() -> list[str]:
    """Return kube-scheduler's command line."""
    return [
        f"{BIN}/kube-scheduler",
        *_as_client("scheduler"),
        "--bind-address=127.0.0.1",
        "--leader-elect=false",
    ]


def kubelet() -> list[str]:
    """Return the kubelet's command line; the rest is in `kubelet_configuration`."""
    return [
        f"{BIN}/kubelet",
        f"--config={CONFIG}/kubelet.json",
        f"--kubeconfig={CONFIG}/kubelet.kubeconfig",
        f"--hostname-override={NODE_NAME}",
    ]


def kubelet_configuration(ranges: Ranges, cgroup: str) -> dict[str, Any]:
    """Return the KubeletConfiguration; pods live under the control group `cgroup`."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{PKI}/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": f"{PKI}/kubelet-server.crt",
        "tlsPrivateKeyFile": f"{PKI}/kubelet-server.key",
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroup}",
        "clusterDNS": [str(ranges.dns_service)],
        "clusterDomain": DOMAIN,
        "resolvConf": "/etc/resolv.conf",
        "failSwapOn": False,
        # Without it kubelets of 1.35 and later refuse a host with cgroup v1.
        "failCgroupV1": False,
        # The machine's disk is shared with everything else on it, and no image can be fetched a second time.
        "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "serializeImagePulls": False,
        "volumePluginDir": "/var/lib/kubelet/volume-plugins",
        # By this the program knows a cluster of the lab, as it knows a cloud's by theirs.
        "providerID": "lab://node",
    }


def proxy() -> list[str]:
    """Return kube-proxy's command line; the rest is in `proxy_configuration`."""
    return [f"{BIN}/kube-proxy", f"--config={CONFIG}/kube-proxy.json"]


def proxy_configuration(ranges: Ranges) -> dict[str, Any]:
    """Return the KubeProxyConfiguration."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "hostnameOverride": NODE_NAME,
        "clusterCIDR": str(ranges.pods),
        "nodePortAddresses": ["primary"],
        "clientConnection": {"kubeconfig": f"{CONFIG}/kube-proxy.kubeconfig"},
        # The connection table's size belongs to the whole machine: zero leaves all of it as it is.
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
            "udpTimeout": "0s",
            "udpStreamTimeout": "0s",
        },
        "metricsBindAddress": "127.0.0.1:10249",
        "healthzBindAddress": "127.0.0.1:10256",
    }


def containerd() -> list[str]:
    """Return containerd's command line; the rest is in `containerd_configuration`."""
    return [f"{BIN}/containerd", f"--config={CONFIG}/containerd.toml"]


def containerd_configuration(*, snapshotter: str, restrict_oom_score: bool) -> str:
    """Return containerd's configuration.

    Under the name crun-wasm Debian's crun takes every container but a pod's own for a WASM module; runc, the default,
    is named too, for one listed runtime hides the built-in one. Under its own name crun goes by a pod's annotations,
    which containerd passes on only where it is told to.

    `restrict_oom_score`: without CAP_SYS_RESOURCE no score may be lowered, and every sandbox that tries dies.
    """
    return f"""\
version = 3
root = '/var/lib/containerd'
state = '/run/containerd'
disabled_plugins = ['io.containerd.nri.v1.nri']

[grpc]
address = '{CONTAINERD_SOCKET}'

[plugins.'io.containerd.cri.v1.images']
snapshotter = '{snapshotter}'

[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = '{images.PAUSE}'

[plugins.'io.containerd.cri.v1.runtime']
restrict_oom_score_adj = {str(restrict_oom_score).lower()}

[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dir = '/usr/lib/cni'
conf_dir = '{CONFIG}/cni'

[plugins.'io.containerd.cri.v1.runtime'.containerd]
default_runtime_name = 'runc'

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
runtime_type = 'io.containerd.runc.v2'

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
BinaryName = '/usr/sbin/runc'

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.{WASM_HANDLER}]
runtime_type = 'io.containerd.runc.v2'

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.{WASM_HANDLER}.options]
BinaryName = '/usr/bin/crun-wasm'

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.{MIXED_HANDLER}]
runtime_type = 'io.containerd.runc.v2'
pod_annotations = ['module.wasm.image/*']

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.{MIXED_HANDLER}.options]
BinaryName = '/usr/bin/crun'
"""


def youki_handler() -> str:
    """Return what containerd's configuration has more on a node with youki."""
    handler = f"plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.{youki.HANDLER}"
    return f"""
[{handler}]
runtime_type = 'io.containerd.runc.v2'
base_runtime_spec = '{CONFIG}/{YOUKI_SPEC}'

[{handler}.options]
BinaryName = '{BIN}/{youki.CRATE}'
"""


def cni_configuration(ranges: Ranges) -> dict[str, Any]:
    """Return the CNI configuration: every pod on a routed link of its own.

    No bridge: a Service whose endpoint is on the same bridge needs a kernel module that a host may not have.
    """
    return {
        "cniVersion": "1.0.0",
        "name": "lab",
        "plugins": [
            {
                "type": "ptp",
                "ipam": {
                    "type": "host-local",
                    "dataDir": "/run/lab/cni",  # leases end with the node, as its pods do
                    "ranges": [[{"subnet": str(ranges.pods)}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


def import_images(archives: dict[str, str]) -> list[str]:
    """Return the command that gives containerd the `archives` (path on the node by image name) it has not had yet."""
    done = "/var/lib/containerd/imported"
    ctr = f"{BIN}/ctr --address {CONTAINERD_SOCKET} --namespace k8s.io images import --local"
    lines = [f"mkdir -p {done}"]
    for path in archives.values():
        mark = f"{done}/{path.rpartition('/')[2]}"
        lines.append(f"[ -e {mark} ] || {{ {ctr} {path} && touch {mark}; }}")
    return ["busybox", "sh", "-ec", "\n".join([*lines, f"touch {IMAGES_READY}"])]


IMAGES_READY = "/run/lab/images-ready"


def _as_client(name: str) -> list[str]:
    file = f"{CONFIG}/{name}.kubeconfig"
    return [f"--kubeconfig={file}", f"--authentication-kubeconfig={file}", f"--authorization-kubeconfig={file}"]
