"""A GKE cluster, made once for the main program to deploy to.

1. Makes a network with NAT, a VPC-native cluster of private nodes with Dataplane V2, and a pool of Container-Optimized
   OS for ordinary work; with `wasmNodes` a pool of Ubuntu with a label and a taint of its own.
2. Refuses bad config, all of it at once, before anything is made.
3. Keeps: an API server for the configured networks, or inside its own network only; a service account of the nodes' own
   with the least role; workload identity; shielded nodes with secure boot; subsetting and the load-balancing add-on,
   without which GKE makes no load balancer of two protocols.
4. GKE upgrades control plane and nodes along the release channel. A new `clusterName` or `location` is a new cluster.
5. Exports `kubeconfig` (a secret), `context` and `platform`.
6. On destroy everything goes, except what Services and volumes in the cluster made in the project: delete those first.
   `deletionProtection` has to be set to false, and brought up, before.
"""

from typing import Any

import pulumi
import settings
from kubeconfig import kubeconfig
from pulumi_gcp import compute, container, projects, serviceaccount

stack = settings.load()

network = compute.Network("network", auto_create_subnetworks=False)
subnetwork = compute.Subnetwork(
    "nodes",
    network=network.id,
    region=stack.region,
    ip_cidr_range="10.0.0.0/20",
    secondary_ip_ranges=[
        {"range_name": "pods", "ip_cidr_range": "10.4.0.0/14"},
        {"range_name": "services", "ip_cidr_range": "10.0.16.0/20"},
    ],
    private_ip_google_access=True,
)
# Nodes without public addresses pull images from elsewhere through it.
router = compute.Router("router", network=network.id, region=stack.region)
nat = compute.RouterNat(
    "nat",
    router=router.name,
    region=stack.region,
    nat_ip_allocate_option="AUTO_ONLY",
    source_subnetwork_ip_ranges_to_nat="ALL_SUBNETWORKS_ALL_IP_RANGES",
)

account = serviceaccount.Account("nodes", display_name=f"Nodes of {stack.name}")
least_role = projects.IAMMember(
    "nodes",
    project=stack.project,
    role="roles/container.defaultNodeServiceAccount",
    member=account.email.apply(lambda email: f"serviceAccount:{email}"),
)

cluster = container.Cluster(
    "cluster",
    name=stack.name,
    location=stack.location,
    release_channel={"channel": stack.channel},
    min_master_version=stack.version or None,
    network=network.id,
    subnetwork=subnetwork.id,
    networking_mode="VPC_NATIVE",
    ip_allocation_policy={"cluster_secondary_range_name": "pods", "services_secondary_range_name": "services"},
    datapath_provider="ADVANCED_DATAPATH",
    private_cluster_config={"enable_private_nodes": True, "enable_private_endpoint": not stack.authorized_networks},
    master_authorized_networks_config={
        "cidr_blocks": [{"cidr_block": each} for each in stack.authorized_networks],
        "gcp_public_cidrs_access_enabled": False,
    },
    enable_l4_ilb_subsetting=True,
    addons_config={"http_load_balancing": {"disabled": False}},
    workload_identity_config={"workload_pool": f"{stack.project}.svc.id.goog"},
    enable_shielded_nodes=True,
    # The pool that every cluster starts with goes at once. Its nodes must not have the project's default account even
    # for those minutes; what GKE reports of the pool afterwards must not replace the cluster.
    remove_default_node_pool=True,
    initial_node_count=1,
    node_config={"service_account": account.email},
    deletion_protection=stack.deletion_protection,
    opts=pulumi.ResourceOptions(ignore_changes=["nodeConfig"], depends_on=[least_role, nat]),
)


def pool(name: str, size: dict[str, Any], **node: Any) -> container.NodePool:
    """Return a pool of this size, whose nodes are as given and as every node here."""
    return container.NodePool(
        name,
        cluster=cluster.id,
        management={"auto_repair": True, "auto_upgrade": True},
        node_config={
            "machine_type": stack.machine_type,
            "service_account": account.email,
            # What the account may do is a matter of its role; the scope alone gives nothing.
            "oauth_scopes": ["https://www.googleapis.com/auth/cloud-platform"],
            "shielded_instance_config": {"enable_secure_boot": True, "enable_integrity_monitoring": True},
            "workload_metadata_config": {"mode": "GKE_METADATA"},
            "linux_node_config": {"cgroup_mode": "CGROUP_MODE_V2"},
            "metadata": {"disable-legacy-endpoints": "true"},
            **node,
        },
        # A change of it would replace the pool, and autoscaling keeps the number anyway.
        opts=pulumi.ResourceOptions(ignore_changes=["initialNodeCount"]),
        **size,
    )


pool(
    "work",
    {
        "initial_node_count": stack.min_nodes,
        "autoscaling": {"min_node_count": stack.min_nodes, "max_node_count": stack.max_nodes},
    },
    image_type="COS_CONTAINERD",
)
if stack.wasm_nodes:
    # Container-Optimized OS lets nobody install a runtime. The label is the pool's own and never an installer's: a node
    # that GKE makes anew has it from its first moment.
    pool(
        "wasm",
        {"node_count": stack.wasm_nodes},
        image_type="UBUNTU_CONTAINERD",
        labels={"kubernetes-emerging/wasm": "true"},
        taints=[{"key": "kubernetes-emerging/wasm", "value": "true", "effect": "NO_SCHEDULE"}],
    )

context = f"gke_{stack.project}_{stack.location}_{stack.name}"
content = pulumi.Output.all(cluster.endpoint, cluster.master_auth.cluster_ca_certificate).apply(
    lambda known: kubeconfig(context, *known)
)
pulumi.export("kubeconfig", pulumi.Output.secret(content))
pulumi.export("context", context)
pulumi.export("platform", "gke")
