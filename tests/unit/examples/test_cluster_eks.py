"""The EKS cluster's program under mocks: they prove what is asked of AWS, and nothing of what AWS does with it."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any, cast

import pytest
from pulumi.runtime import rpc, settings
from pulumi.runtime.mocks import MockMonitor

from components.wasm_nodes import eks_user_data
from tests.unit.examples.test_cluster_programs import WRITE_NETWORKS, Program, module_of, put_on_path, start

pytest.importorskip("pulumi_eks", reason="pulumi_eks is not installed: see examples/04-cluster-eks/requirements.txt")
pytest.importorskip("pulumi_awsx", reason="pulumi_awsx is not installed: see examples/04-cluster-eks/requirements.txt")

# The SDKs warn of deprecated classes of their own, which nobody uses, when they are imported.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pulumi_.*")

FOLDER = "04-cluster-eks"
CLUSTER, NODE_GROUP, VPC = "eks:index:Cluster", "aws:eks/nodeGroup:NodeGroup", "awsx:ec2:Vpc"
NAME = "kubernetes-emerging-unit"
MADE = f"urn:pulumi:unit::cluster-eks::{CLUSTER}$aws:eks/cluster:Cluster::cluster-eksCluster"
NEEDED: dict[str, Any] = {"aws__region": "eu-central-1", "authorizedNetworks": ["203.0.113.7/32"]}


@pytest.fixture
def program(loop: asyncio.AbstractEventLoop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Return the program, on a machine with an AWS CLI (a double)."""
    del loop
    put_on_path(tmp_path / "bin", monkeypatch, aws="exit 64")
    program = start(
        FOLDER,
        {
            VPC: {"vpcId": "vpc-1", "publicSubnetIds": ["public-1"], "privateSubnetIds": ["private-1"]},
            # The component hands out a reference to the resource that it made.
            CLUSTER: {"eksCluster": {rpc._special_sig_key: rpc._special_resource_sig, "urn": MADE, "id": NAME}},
            "aws:kms/key:Key": {"arn": "arn:aws:kms:eu-central-1:123456789012:key/1"},
            "aws:iam/role:Role": {"arn": "arn:aws:iam::123456789012:role/nodes", "name": "nodes"},
            "aws:ec2/launchTemplate:LaunchTemplate": {"latestVersion": 3},
        },
        {
            "aws:index/getPartition:getPartition": {"partition": "aws"},
            "aws:eks/getAddonVersion:getAddonVersion": {"version": "v1.12.4-eksbuild.1"},
        },
    )
    state = {
        "name": NAME,
        "arn": f"arn:aws:eks:eu-central-1:123456789012:cluster/{NAME}",
        "endpoint": "https://0123.gr7.eu-central-1.eks.amazonaws.com",
        "certificateAuthority": {"data": "Y2E="},
    }
    monitor = cast(Any, settings.get_monitor())
    monitor.resources[MADE] = MockMonitor.ResourceRegistration(MADE, NAME, state)
    return program


def test_the_control_plane_is_closed_by_default(program: Program) -> None:
    """Access entries alone, Secrets under a key that rotates, every log, and the API for the named networks only."""
    program.deploy(**NEEDED)

    cluster = program.mocks.inputs(CLUSTER, "cluster")
    assert {
        "authenticationMode": "API",
        "encryptionConfigKeyArn": "arn:aws:kms:eu-central-1:123456789012:key/1",
        "enabledClusterLogTypes": ["api", "audit", "authenticator", "controllerManager", "scheduler"],
        "endpointPrivateAccess": True,
        "endpointPublicAccess": True,
        "publicAccessCidrs": ["203.0.113.7/32"],
        "createOidcProvider": True,
        "deletionProtection": True,
        "vpcCniOptions": {"enableNetworkPolicy": True},
        "accessEntries": {},
    }.items() <= cluster.items()
    assert True is program.mocks.inputs("aws:kms/key:Key", "secrets")["enableKeyRotation"]
    logs = program.mocks.inputs("aws:cloudwatch/logGroup:LogGroup", "control-plane")
    assert (f"/aws/eks/{NAME}/cluster", 90) == (logs["name"], logs["retentionInDays"])


def test_the_version_is_one_in_standard_support(program: Program) -> None:
    """1.35 for the control plane and the nodes, and no paid extension of its support."""
    program.deploy(**NEEDED)

    cluster = program.mocks.inputs(CLUSTER, "cluster")
    assert ("1.35", {"supportType": "STANDARD"}) == (cluster["version"], cluster["upgradePolicy"])
    assert "1.35" == program.mocks.inputs(NODE_GROUP, "nodes")["version"]


def test_no_networks_mean_no_public_endpoint(program: Program) -> None:
    """An empty list, which somebody has to write, leaves the API server inside the VPC."""
    program.deploy(**{**NEEDED, "authorizedNetworks": []})

    cluster = program.mocks.inputs(CLUSTER, "cluster")
    assert (False, True) == (cluster["endpointPublicAccess"], cluster["endpointPrivateAccess"])
    assert "publicAccessCidrs" not in cluster


def test_nodes_are_private_and_found_by_load_balancers(program: Program) -> None:
    """Nodes are in private subnets; both kinds of subnet carry the tag by which controllers find them."""
    program.deploy(**NEEDED)

    specs = program.mocks.inputs(VPC, "network")["subnetSpecs"]
    assert {
        "Private": {"kubernetes.io/role/internal-elb": "1"},
        "Public": {"kubernetes.io/role/elb": "1"},
    } == {spec["type"]: spec["tags"] for spec in specs}
    assert ["private-1"] == program.mocks.inputs(NODE_GROUP, "nodes")["subnetIds"]
    cluster = program.mocks.inputs(CLUSTER, "cluster")
    assert (["public-1"], ["private-1"]) == (cluster["publicSubnetIds"], cluster["privateSubnetIds"])


def test_nodes_are_fit_for_resize(program: Program) -> None:
    """AL2023 has cgroup v2 and containerd 2; EKS' default nodes of pulumi-eks are left out."""
    program.deploy(**NEEDED)

    nodes = program.mocks.inputs(NODE_GROUP, "nodes")
    assert ("AL2023_x86_64_STANDARD", ["m6i.large"]) == (nodes["amiType"], nodes["instanceTypes"])
    assert {"desiredSize": 2, "minSize": 2, "maxSize": 4} == nodes["scalingConfig"]
    assert True is program.mocks.inputs(CLUSTER, "cluster")["skipDefaultNodeGroup"]


def test_graviton_nodes_get_an_image_of_their_architecture(program: Program) -> None:
    """m7g is Graviton; g5 is not, though its name begins with the letter."""
    program.deploy(**NEEDED, instanceType="m7g.large")

    assert "AL2023_ARM_64_STANDARD" == program.mocks.inputs(NODE_GROUP, "nodes")["amiType"]


def test_pods_cannot_take_the_nodes_role(program: Program) -> None:
    """IMDSv2 is required and its answers go one hop; disks are encrypted; the role can pull images and no more."""
    program.deploy(**NEEDED)

    template = program.mocks.inputs("aws:ec2/launchTemplate:LaunchTemplate", "nodes")
    assert {"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 1} == template[
        "metadataOptions"
    ]
    (disk,) = template["blockDeviceMappings"]
    assert ("/dev/xvda", "true") == (disk["deviceName"], disk["ebs"]["encrypted"])
    assert {"id": "nodes-id", "version": "3"} == program.mocks.inputs(NODE_GROUP, "nodes")["launchTemplate"]
    attached = program.mocks.of("aws:iam/rolePolicyAttachment:RolePolicyAttachment").values()
    assert {
        "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy",
        "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy",
        "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly",
    } == {each["policyArn"] for each in attached}


def test_the_wasm_pool_is_apart(program: Program) -> None:
    """It has a label of its own, and a taint that keeps every other pod away; ordinary nodes have neither."""
    program.deploy(**NEEDED, wasmNodes="1")

    wasm = program.mocks.inputs(NODE_GROUP, "wasm")
    assert {"kubernetes-emerging/wasm": "true"} == wasm["labels"]
    assert [{"key": "kubernetes-emerging/wasm", "value": "true", "effect": "NO_SCHEDULE"}] == wasm["taints"]
    nodes = program.mocks.inputs(NODE_GROUP, "nodes")
    assert not {"labels", "taints"} & set(nodes)


def test_the_wasm_pool_is_made_with_its_runtime(program: Program, tmp_path: Path) -> None:
    """Its launch template has the user data, beside all that the ordinary nodes' has; theirs has none."""
    text = eks_user_data(preset="spin", version="0.24.0", sha256="ab" * 32)
    (tmp_path / "wasm.mime").write_text(text)
    program.deploy(**NEEDED, wasmNodes="1", wasmUserData=str(tmp_path / "wasm.mime"))

    templates = program.mocks.of("aws:ec2/launchTemplate:LaunchTemplate")
    assert text == base64.b64decode(templates["wasm"].pop("userData")).decode()
    assert templates["nodes"] == templates["wasm"]
    assert "wasm-id" == program.mocks.inputs(NODE_GROUP, "wasm")["launchTemplate"]["id"]
    assert "nodes-id" == program.mocks.inputs(NODE_GROUP, "nodes")["launchTemplate"]["id"]


def test_user_data_of_another_kind_are_refused(program: Program, tmp_path: Path) -> None:
    """A file that is not there, one without a part for nodeadm, and user data for no pool are all told."""
    write = "write what `python -m components.actions wasm-nodes eks` prints into a file, and its path here"
    where, script = "cluster-eks:wasmUserData", tmp_path / "script.sh"
    script.write_text("#!/bin/sh\n")

    assert [
        f"{where}: {script} has no part for nodeadm; {write}",
        f"{where}: there is no pool that would have it; set wasmNodes, too",
    ] == program.refusal(**NEEDED, wasmUserData=str(script))
    (problem,) = program.refusal(**NEEDED, wasmNodes="1", wasmUserData=str(tmp_path / "missing"))
    assert problem.startswith(f"{where}: {tmp_path / 'missing'} cannot be read")


def test_there_is_no_wasm_pool_by_default(program: Program) -> None:
    """Nobody pays for one that they did not ask for."""
    program.deploy(**NEEDED)

    assert {"nodes"} == set(program.mocks.of(NODE_GROUP))


def test_other_roles_are_let_in_by_name(program: Program) -> None:
    """Each role gets an access entry as administrator of the cluster."""
    role = "arn:aws:iam::123456789012:role/ci/deployer"
    program.deploy(**NEEDED, adminRoleArns=[role])

    assert {
        "123456789012:role/ci/deployer": {
            "principalArn": role,
            "accessPolicies": {
                "admin": {
                    "policyArn": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
                    "accessScope": {"type": "cluster"},
                }
            },
        }
    } == program.mocks.inputs(CLUSTER, "cluster")["accessEntries"]


def test_dns_comes_after_the_nodes(program: Program) -> None:
    """CoreDNS is an add-on of the version that goes with the control plane's."""
    program.deploy(**NEEDED)

    addon = program.mocks.inputs("aws:eks/addon:Addon", "coredns")
    assert ("coredns", "v1.12.4-eksbuild.1") == (addon["addonName"], addon["addonVersion"])
    dependencies = program.request("aws:eks/addon:Addon", "coredns").dependencies
    assert any(urn.endswith(f"{NODE_GROUP}::nodes") for urn in dependencies)


def test_the_kubeconfig_logs_in_without_a_person(program: Program) -> None:
    """It is a secret, holds no credential, and asks the AWS CLI for a token of this cluster in this region."""
    program.deploy(**NEEDED)

    (user,) = program.kubeconfig()["users"]
    login = user["user"].pop("exec")
    assert {} == user["user"]
    assert ("aws", "Never") == (login["command"], login["interactiveMode"])
    words = f"--region eu-central-1 eks get-token --cluster-name {NAME} --output json"
    assert words.split() == login["args"]
    (cluster,) = program.kubeconfig()["clusters"]
    assert {
        "server": "https://0123.gr7.eu-central-1.eks.amazonaws.com",
        "certificate-authority-data": "Y2E=",
    } == cluster["cluster"]


def test_the_outputs_are_what_the_main_program_reads(program: Program) -> None:
    """Kubeconfig, its context, and the platform by its name there."""
    program.deploy(**NEEDED)

    assert {"kubeconfig", "context", "platform"} == set(program.exports)
    assert (NAME, "eks") == (program.exports["context"].value, program.exports["platform"].value)


def test_a_role_can_be_assumed_for_the_login() -> None:
    """The role goes to the AWS CLI at the end of its arguments."""
    content = module_of(FOLDER, "kubeconfig")["kubeconfig"](
        "arn:aws:eks:eu-west-1:1:cluster/c", "https://api", "Y2E=", role_arn="arn:aws:iam::1:role/r"
    )

    assert ["--role-arn", "arn:aws:iam::1:role/r"] == json.loads(content)["users"][0]["user"]["exec"]["args"][-2:]


def test_bad_config_is_refused_whole(program: Program) -> None:
    """Each key is named with what is wrong and what to write, and nothing is registered."""
    networks = "cluster-eks:authorizedNetworks"
    name = "write 1 to 100 letters, digits, hyphens and underscores that begin with a letter or digit"
    version = "write 1.35, or set extendedSupport to true, which costs more"
    roles = "write ARNs of IAM roles such as arn:aws:iam::123456789012:role/deployer"

    assert [
        "aws:region: it is empty; write the region, such as eu-central-1",
        f"cluster-eks:clusterName: '-x' is not of the right form; {name}",
        "cluster-eks:extendedSupport: 'yes' is not of the right form; write true or false",
        f"{networks}: '0.0.0.0/0' is the whole internet; {WRITE_NETWORKS}",
        f"{networks}: '10.0.0.1/8' is no IPv4 network, whose bits behind the prefix are zero; {WRITE_NETWORKS}",
        f"cluster-eks:adminRoleArns: 'arn:aws:iam::123456789012:user/me' is not of the right form; {roles}",
        "cluster-eks:natGateways: 'None' is not of the right form; write Single or OnePerAz",
        f"cluster-eks:kubernetesVersion: standard support of 1.33 ended on 2026-07-29; {version}",
        "cluster-eks:maxNodes: 1 is less than minNodes; write 3 or more",
    ] == program.refusal(
        clusterName="-x",
        extendedSupport="yes",
        kubernetesVersion="1.33",
        authorizedNetworks=["0.0.0.0/0", "10.0.0.1/8"],
        adminRoleArns=["arn:aws:iam::123456789012:user/me"],
        natGateways="None",
        minNodes="3",
        maxNodes="1",
    )


def test_who_reaches_the_api_server_has_to_be_said(program: Program) -> None:
    """There is no default for it, neither an open nor a closed one."""
    (problem,) = program.refusal(aws__region="eu-central-1")
    empty = "cluster-eks:authorizedNetworks: it is empty, and it decides who can reach the API server"
    assert f"{empty}; {WRITE_NETWORKS}" == problem


def test_1_33_is_had_for_money(program: Program) -> None:
    """With extended support the version is accepted."""
    program.deploy(**NEEDED, kubernetesVersion="1.33", extendedSupport="true")

    cluster = program.mocks.inputs(CLUSTER, "cluster")
    assert ("1.33", {"supportType": "EXTENDED"}) == (cluster["version"], cluster["upgradePolicy"])
