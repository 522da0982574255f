"""The GKE cluster's program under mocks: they prove what is asked of Google, and nothing of what comes of it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.unit.examples.test_cluster_programs import WRITE_NETWORKS, Program, put_on_path, start

pytest.importorskip("pulumi_gcp", reason="pulumi_gcp is not installed: see examples/06-cluster-gke/requirements.txt")
# The SDKs warn of deprecated classes of their own, which nobody uses, when they are imported.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pulumi_.*")

CLUSTER, POOL = "gcp:container/cluster:Cluster", "gcp:container/nodePool:NodePool"
SUBNETWORK = "gcp:compute/subnetwork:Subnetwork"
NODES = "nodes@team-a.iam.gserviceaccount.com"
CONTEXT = "gke_team-a_europe-west3_kubernetes-emerging-unit"
NEEDED: dict[str, Any] = {
    "gcp__project": "team-a",
    "location": "europe-west3",
    "authorizedNetworks": ["203.0.113.7/32"],
}


@pytest.fixture
def program(loop: asyncio.AbstractEventLoop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Return the program, on a machine with Google's login plugin (a double)."""
    del loop
    put_on_path(tmp_path / "bin", monkeypatch, gke_gcloud_auth_plugin="exit 64")
    return start(
        "06-cluster-gke",
        {
            CLUSTER: {"endpoint": "198.51.100.9", "masterAuth": {"clusterCaCertificate": "Y2E="}},
            "gcp:serviceaccount/account:Account": {"email": NODES},
        },
    )


def test_the_api_server_is_for_the_named_networks(program: Program) -> None:
    """Nodes have no public address, and Google's other customers are as foreign as anybody."""
    program.deploy(**NEEDED)

    cluster = program.mocks.inputs(CLUSTER, "cluster")
    assert {"enablePrivateNodes": True, "enablePrivateEndpoint": False} == cluster["privateClusterConfig"]
    assert {
        "cidrBlocks": [{"cidrBlock": "203.0.113.7/32"}],
        "gcpPublicCidrsAccessEnabled": False,
    } == cluster["masterAuthorizedNetworksConfig"]
    assert True is cluster["deletionProtection"]


def test_no_networks_mean_a_private_endpoint(program: Program) -> None:
    """An empty list, which somebody has to write, leaves the API server inside the cluster's own network."""
    program.deploy(**{**NEEDED, "authorizedNetworks": []})

    cluster = program.mocks.inputs(CLUSTER, "cluster")
    assert True is cluster["privateClusterConfig"]["enablePrivateEndpoint"]
    assert [] == cluster["masterAuthorizedNetworksConfig"]["cidrBlocks"]


def test_load_balancers_of_two_protocols_are_possible(program: Program) -> None:
    """They need the load-balancing add-on and, inside, subsetting; the network is Dataplane V2 on alias addresses."""
    program.deploy(**NEEDED)

    cluster = program.mocks.inputs(CLUSTER, "cluster")
    assert {"httpLoadBalancing": {"disabled": False}} == cluster["addonsConfig"]
    assert (True, "ADVANCED_DATAPATH", "VPC_NATIVE") == (
        cluster["enableL4IlbSubsetting"],
        cluster["datapathProvider"],
        cluster["networkingMode"],
    )
    ranges = {each["rangeName"] for each in program.mocks.inputs(SUBNETWORK, "nodes")["secondaryIpRanges"]}
    assert ranges == {
        cluster["ipAllocationPolicy"]["clusterSecondaryRangeName"],
        cluster["ipAllocationPolicy"]["servicesSecondaryRangeName"],
    }


def test_private_nodes_reach_registries(program: Program) -> None:
    """The subnet has a NAT gateway in its region, and Google's own services without one."""
    program.deploy(**{**NEEDED, "location": "europe-west3-a"})

    assert "europe-west3-a" == program.mocks.inputs(CLUSTER, "cluster")["location"]
    subnetwork = program.mocks.inputs(SUBNETWORK, "nodes")
    assert (True, "europe-west3") == (subnetwork["privateIpGoogleAccess"], subnetwork["region"])
    assert "europe-west3" == program.mocks.inputs("gcp:compute/routerNat:RouterNat", "nat")["region"]


def test_versions_come_along_the_channel(program: Program) -> None:
    """REGULAR, with what GKE takes for its default there."""
    program.deploy(**NEEDED)

    cluster = program.mocks.inputs(CLUSTER, "cluster")
    assert {"channel": "REGULAR"} == cluster["releaseChannel"]
    assert "minMasterVersion" not in cluster


def test_nodes_have_the_least_role(program: Program) -> None:
    """Their account is their own, with the one role for nodes; pods get identities of theirs."""
    program.deploy(**NEEDED)

    role = program.mocks.inputs("gcp:projects/iAMMember:IAMMember", "nodes")
    assert ("roles/container.defaultNodeServiceAccount", f"serviceAccount:{NODES}", "team-a") == (
        role["role"],
        role["member"],
        role["project"],
    )
    assert NODES == program.mocks.inputs(POOL, "work")["nodeConfig"]["serviceAccount"]
    cluster = program.mocks.inputs(CLUSTER, "cluster")
    assert {"workloadPool": "team-a.svc.id.goog"} == cluster["workloadIdentityConfig"]


def test_the_default_pool_goes_and_never_replaces_the_cluster(program: Program) -> None:
    """It exists for minutes, with the nodes' own account; what is reported of it later is no change."""
    program.deploy(**NEEDED)

    cluster = program.mocks.inputs(CLUSTER, "cluster")
    assert (True, {"serviceAccount": NODES}) == (cluster["removeDefaultNodePool"], cluster["nodeConfig"])
    assert ["nodeConfig"] == list(program.request(CLUSTER, "cluster").ignoreChanges)


def test_nodes_are_fit_for_resize_and_shielded(program: Program) -> None:
    """The nodes' cgroup v2 is written down; nodes boot what is signed, and pods cannot ask for the node's identity."""
    program.deploy(**NEEDED)

    assert {"work"} == set(program.mocks.of(POOL))
    work = program.mocks.inputs(POOL, "work")
    node = work["nodeConfig"]
    assert ("COS_CONTAINERD", {"cgroupMode": "CGROUP_MODE_V2"}) == (node["imageType"], node["linuxNodeConfig"])
    assert {"enableSecureBoot": True, "enableIntegrityMonitoring": True} == node["shieldedInstanceConfig"]
    assert {"mode": "GKE_METADATA"} == node["workloadMetadataConfig"]
    assert ({"minNodeCount": 1, "maxNodeCount": 2}, 1) == (work["autoscaling"], work["initialNodeCount"])
    assert {"autoRepair": True, "autoUpgrade": True} == work["management"]
    assert not {"labels", "taints"} & set(node)
    assert True is program.mocks.inputs(CLUSTER, "cluster")["enableShieldedNodes"]


def test_the_wasm_pool_is_apart(program: Program) -> None:
    """It is Ubuntu, has a label of its own, and a taint that keeps every other pod away."""
    program.deploy(**NEEDED, wasmNodes="1")

    wasm = program.mocks.inputs(POOL, "wasm")
    node = wasm["nodeConfig"]
    assert ("UBUNTU_CONTAINERD", 1) == (node["imageType"], wasm["nodeCount"])
    assert {"kubernetes-emerging/wasm": "true"} == node["labels"]
    assert [{"key": "kubernetes-emerging/wasm", "value": "true", "effect": "NO_SCHEDULE"}] == node["taints"]


def test_the_kubeconfig_logs_in_without_a_person(program: Program) -> None:
    """It is a secret, holds no credential, and asks Google's plugin."""
    program.deploy(**NEEDED)

    (user,) = program.kubeconfig()["users"]
    login = user["user"].pop("exec")
    assert {} == user["user"]
    assert ("gke-gcloud-auth-plugin", True, "Never") == (
        login["command"],
        login["provideClusterInfo"],
        login["interactiveMode"],
    )
    assert {"server": "https://198.51.100.9", "certificate-authority-data": "Y2E="} == program.kubeconfig()["clusters"][
        0
    ]["cluster"]


def test_the_outputs_are_what_the_main_program_reads(program: Program) -> None:
    """Kubeconfig, its context as gcloud would name it, and the platform by its name there."""
    program.deploy(**NEEDED)

    assert {"kubeconfig", "context", "platform"} == set(program.exports)
    assert (CONTEXT, "gke") == (program.exports["context"].value, program.exports["platform"].value)


def test_bad_config_is_refused_whole(program: Program) -> None:
    """Each key is named with what is wrong and what to write, and nothing is registered."""
    networks = "cluster-gke:authorizedNetworks"

    assert [
        "gcp:project: it is empty; write the project's id",
        "cluster-gke:location: 'Frankfurt' is not of the right form; write a region or zone, such as europe-west3",
        "cluster-gke:releaseChannel: 'NONE' is not of the right form; write RAPID or REGULAR or STABLE or EXTENDED",
        f"{networks}: '::/0' is no IPv4 network, whose bits behind the prefix are zero; {WRITE_NETWORKS}",
        "cluster-gke:deletionProtection: 'no' is not of the right form; write true or false",
        "cluster-gke:maxNodes: 2 is less than minNodes; write 5 or more",
    ] == program.refusal(
        location="Frankfurt",
        releaseChannel="NONE",
        authorizedNetworks=["::/0"],
        deletionProtection="no",
        minNodes="5",
    )


def test_1_33_is_in_one_channel_only(program: Program) -> None:
    """Elsewhere the message names that channel, and with it the version is asked for."""
    (problem,) = program.refusal(**NEEDED, kubernetesVersion="1.33")
    what = "standard support of 1.33 ended on 2026-08-03, and channel REGULAR no longer has it"
    assert f"cluster-gke:kubernetesVersion: {what}; leave it out, or set releaseChannel to EXTENDED" == problem

    program.deploy(**NEEDED, kubernetesVersion="1.33", releaseChannel="EXTENDED")
    assert "1.33" == program.mocks.inputs(CLUSTER, "cluster")["minMasterVersion"]
