"""An EKS cluster, made once for the main program to deploy to.

1. Makes a VPC over three zones, an EKS cluster and a managed node group of AL2023 nodes (containerd 2, cgroup v2) in
   private subnets; with `wasmNodes` a second node group with a label and a taint of its own, and with `wasmUserData`
   the WASM runtime that these user data install.
2. Refuses bad config, all of it at once, before anything is made.
3. Keeps: IAM access entries alone (no aws-auth), Secrets encrypted with a key of its own, all control-plane logs for 90
   days, IMDSv2 one hop deep, encrypted disks, a public endpoint for the configured networks or none at all.
4. On change of `kubernetesVersion` the control plane is upgraded first and the nodes roll after it. A new `clusterName`
   is a new cluster.
5. Exports `kubeconfig` (a secret), `context` and `platform`.
6. On destroy everything goes, except what Services and volumes in the cluster made in AWS: delete those first.
   `deletionProtection` has to be set to false, and brought up, before.
"""

import base64
import json
import re
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_awsx as awsx
import pulumi_eks as eks
import settings
from kubeconfig import kubeconfig

stack = settings.load()
partition = aws.get_partition_output().partition
admin = pulumi.Output.format("arn:{0}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy", partition)

network = awsx.ec2.Vpc(
    "network",
    cidr_block="10.0.0.0/16",
    number_of_availability_zones=3,
    enable_dns_hostnames=True,
    nat_gateways={"strategy": awsx.ec2.NatGatewayStrategy(stack.nat_gateways)},
    subnet_strategy=awsx.ec2.SubnetAllocationStrategy.AUTO,
    # Load balancer controllers find their subnets by these tags.
    subnet_specs=[
        {"type": awsx.ec2.SubnetType.PRIVATE, "cidr_mask": 19, "tags": {"kubernetes.io/role/internal-elb": "1"}},
        {"type": awsx.ec2.SubnetType.PUBLIC, "cidr_mask": 22, "tags": {"kubernetes.io/role/elb": "1"}},
    ],
)

key = aws.kms.Key(
    "secrets",
    description=f"Secrets of the EKS cluster {stack.name}",
    enable_key_rotation=True,
    deletion_window_in_days=30,
)
# EKS would make this group itself, and keep the logs in it for ever.
logs = aws.cloudwatch.LogGroup("control-plane", name=f"/aws/eks/{stack.name}/cluster", retention_in_days=90)

cluster = eks.Cluster(
    "cluster",
    name=stack.name,
    version=stack.version,
    upgrade_policy={"support_type": "EXTENDED" if stack.extended_support else "STANDARD"},
    deletion_protection=stack.deletion_protection,
    vpc_id=network.vpc_id,
    public_subnet_ids=network.public_subnet_ids,
    private_subnet_ids=network.private_subnet_ids,
    authentication_mode=eks.AuthenticationMode.API,
    access_entries={
        arn.partition("::")[2]: {
            "principal_arn": arn,
            "access_policies": {"admin": {"policy_arn": admin, "access_scope": {"type": "cluster"}}},
        }
        for arn in stack.admin_role_arns
    },
    encryption_config_key_arn=key.arn,
    enabled_cluster_log_types=["api", "audit", "authenticator", "controllerManager", "scheduler"],
    endpoint_private_access=True,
    endpoint_public_access=bool(stack.authorized_networks),
    public_access_cidrs=stack.authorized_networks or None,
    create_oidc_provider=True,
    vpc_cni_options={"enable_network_policy": True},
    # The node groups below are managed ones, with the security group that EKS itself makes for a cluster.
    skip_default_node_group=True,
    skip_default_security_groups=True,
    opts=pulumi.ResourceOptions(depends_on=[logs]),
)

trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
role = aws.iam.Role("nodes", assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [trust]}))
rights = [
    aws.iam.RolePolicyAttachment(
        f"nodes-{policy}",
        role=role.name,
        policy_arn=pulumi.Output.format("arn:{0}:iam::aws:policy/{1}", partition, policy),
    )
    for policy in ("AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly")
]


def launch_template(name: str, **more: Any) -> aws.ec2.LaunchTemplate:
    """Return a launch template for nodes."""
    return aws.ec2.LaunchTemplate(
        name,
        # One hop: a pod cannot take the node's role, unless it is on the node's own network.
        metadata_options={"http_endpoint": "enabled", "http_tokens": "required", "http_put_response_hop_limit": 1},
        block_device_mappings=[
            {"device_name": "/dev/xvda", "ebs": {"volume_size": 50, "volume_type": "gp3", "encrypted": "true"}}
        ],
        update_default_version=True,
        **more,
    )


template = launch_template("nodes")
graviton = re.match(r"[a-z]+\d+g", stack.instance_type)


def node_group(name: str, least: int, most: int, template: aws.ec2.LaunchTemplate, **more: Any) -> aws.eks.NodeGroup:
    """Return a managed node group that rolls one node at a time."""
    return aws.eks.NodeGroup(
        name,
        cluster_name=cluster.eks_cluster.name,
        version=stack.version,
        node_role_arn=role.arn,
        subnet_ids=network.private_subnet_ids,
        ami_type="AL2023_ARM_64_STANDARD" if graviton else "AL2023_x86_64_STANDARD",
        instance_types=[stack.instance_type],
        launch_template={"id": template.id, "version": template.latest_version.apply(str)},
        scaling_config={"desired_size": least, "min_size": least, "max_size": most},
        update_config={"max_unavailable": 1},
        # Nodes without the network add-on, which is the cluster's child, never become ready.
        opts=pulumi.ResourceOptions(depends_on=[cluster, *rights]),
        **more,
    )


nodes = node_group("nodes", stack.min_nodes, stack.max_nodes, template)
if stack.wasm_nodes:
    # The label is the group's own and never an installer's: every node has it from its first moment.
    node_group(
        "wasm",
        stack.wasm_nodes,
        stack.wasm_nodes,
        # EKS adds its own part to these. Other user data are another version of the template, to which the pool rolls.
        launch_template("wasm", user_data=base64.b64encode(stack.wasm_user_data.encode()).decode())
        if stack.wasm_user_data
        else template,
        labels={"kubernetes-emerging/wasm": "true"},
        taints=[{"key": "kubernetes-emerging/wasm", "value": "true", "effect": "NO_SCHEDULE"}],
    )

# CoreDNS has no place to run, and is never active, before there are nodes: pulumi-eks leaves it out without them.
aws.eks.Addon(
    "coredns",
    cluster_name=cluster.eks_cluster.name,
    addon_name="coredns",
    addon_version=aws.eks.get_addon_version_output(addon_name="coredns", kubernetes_version=stack.version).version,
    resolve_conflicts_on_create="OVERWRITE",
    resolve_conflicts_on_update="OVERWRITE",
    opts=pulumi.ResourceOptions(depends_on=[nodes]),
)

made = cluster.eks_cluster
content = pulumi.Output.all(made.arn, made.endpoint, made.certificate_authority.data).apply(
    lambda known: kubeconfig(*known, role_arn=stack.role_arn)
)
pulumi.export("kubeconfig", pulumi.Output.secret(content))
pulumi.export("context", stack.name)
pulumi.export("platform", "eks")
