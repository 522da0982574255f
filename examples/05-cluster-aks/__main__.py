"""An AKS cluster, made once for the main program to deploy to.

1. Makes a resource group, an AKS cluster with a pool for the cluster's own pods, and a pool of Ubuntu nodes for
   ordinary work; with `wasmNodes` a third pool with a label and a taint of its own.
2. Refuses bad config, all of it at once, before anything is made.
3. Keeps: Entra ID with Azure RBAC as the only way in (no local accounts, no administrator's certificate), a managed
   identity, workload identity for pods, Azure CNI overlay with Cilium, the standard load balancer, an API server for
   the configured networks or a private one. The choice between those two is for the cluster's life.
4. On change of `kubernetesVersion` the control plane and each pool are upgraded; patches come by themselves. A new
   `clusterName` or location is a new cluster.
5. Exports `kubeconfig` (a secret), `context` and `platform`.
6. On destroy the resource group goes, with everything in it.
"""

from typing import Any

import pulumi
import settings
from kubeconfig import non_interactive
from pulumi_azure_native import containerservice, resources

stack = settings.load()
WASM = "kubernetes-emerging/wasm"
# Ubuntu is what installers of WASM runtimes name as theirs.
NODES: dict[str, Any] = {
    "os_type": containerservice.OSType.LINUX,
    "os_sku": containerservice.OSSKU.UBUNTU,
    "vm_size": stack.vm_size,
    "orchestrator_version": stack.version,
}

group = resources.ResourceGroup("cluster", resource_group_name=stack.name, location=stack.location)

cluster = containerservice.ManagedCluster(
    "cluster",
    resource_name_=stack.name,
    resource_group_name=group.name,
    location=group.location,
    dns_prefix=stack.name.replace("_", "-"),
    kubernetes_version=stack.version,
    sku={
        "name": containerservice.ManagedClusterSKUName.BASE,
        "tier": "Premium" if stack.long_term_support else "Standard",
    },
    support_plan="AKSLongTermSupport" if stack.long_term_support else "KubernetesOfficial",
    auto_upgrade_profile={"upgrade_channel": "patch", "node_os_upgrade_channel": "NodeImage"},
    identity={"type": containerservice.ResourceIdentityType.SYSTEM_ASSIGNED},
    enable_rbac=True,
    aad_profile={"managed": True, "enable_azure_rbac": True, "admin_group_object_ids": stack.admin_group_ids},
    disable_local_accounts=True,
    oidc_issuer_profile={"enabled": True},
    security_profile={
        "workload_identity": {"enabled": True},
        "image_cleaner": {"enabled": True, "interval_hours": 168},
    },
    network_profile={
        "network_plugin": "azure",
        "network_plugin_mode": "overlay",
        "network_dataplane": "cilium",
        "network_policy": "cilium",
        "load_balancer_sku": "standard",
        "outbound_type": "loadBalancer",
    },
    # Azure refuses authorized ranges on a private cluster.
    api_server_access_profile=(
        {"authorized_ip_ranges": stack.authorized_networks}
        if stack.authorized_networks
        else {"enable_private_cluster": True}
    ),
    agent_pool_profiles=[
        {
            **NODES,
            "name": "system",
            "mode": containerservice.AgentPoolMode.SYSTEM,
            "type": containerservice.AgentPoolType.VIRTUAL_MACHINE_SCALE_SETS,
            "count": 2,
            "node_taints": ["CriticalAddonsOnly=true:NoSchedule"],
            "upgrade_settings": {"max_surge": "33%"},
        }
    ],
)


def pool(name: str, **more: Any) -> containerservice.AgentPool:
    """Return a pool for pods of the cluster's users."""
    return containerservice.AgentPool(
        name,
        agent_pool_name=name,
        resource_group_name=group.name,
        resource_name_=cluster.name,
        mode=containerservice.AgentPoolMode.USER,
        type=containerservice.AgentPoolType.VIRTUAL_MACHINE_SCALE_SETS,
        upgrade_settings={"max_surge": "33%"},
        **NODES,
        **more,
    )


work = pool(
    "work", count=stack.min_nodes, enable_auto_scaling=True, min_count=stack.min_nodes, max_count=stack.max_nodes
)
if stack.wasm_nodes:
    # The label is the pool's own and never an installer's: a node that Azure makes anew has it from its first moment.
    pool("wasm", count=stack.wasm_nodes, node_labels={WASM: "true"}, node_taints=[f"{WASM}=true:NoSchedule"])

credentials = containerservice.list_managed_cluster_user_credentials_output(
    resource_group_name=group.name, resource_name=cluster.name, format="exec"
)
found = credentials.apply(lambda known: non_interactive(known.kubeconfigs[0].value, stack.login))
pulumi.export("kubeconfig", pulumi.Output.secret(found.apply(lambda known: known[0])))
# The provider marks all that it hands out with the credentials as secret; a name is none.
pulumi.export("context", pulumi.Output.unsecret(found.apply(lambda known: known[1])))
pulumi.export("platform", "aks")
