"""The AKS cluster's program under mocks: they prove what is asked of Azure, and nothing of what Azure does with it."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi.runtime import rpc

from tests.unit.examples.test_cluster_programs import WRITE_NETWORKS, Program, module_of, put_on_path, start

pytest.importorskip(
    "pulumi_azure_native", reason="pulumi_azure_native is not installed: see examples/05-cluster-aks/requirements.txt"
)
# The SDKs warn of deprecated classes of their own, which nobody uses, when they are imported.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pulumi_.*")

FOLDER = "05-cluster-aks"
CLUSTER, POOL = "azure-native:containerservice:ManagedCluster", "azure-native:containerservice:AgentPool"
CREDENTIALS = "azure-native:containerservice:listManagedClusterUserCredentials"
NAME = "kubernetes-emerging-unit"
SERVER_ID = "6dae42f8-4368-4678-94ff-3960e28e3630"
GROUP = "00000000-1111-2222-3333-444444444444"
NEEDED: dict[str, Any] = {
    "azure-native__subscriptionId": "55555555-6666-7777-8888-999999999999",
    "azure-native__location": "westeurope",
    "authorizedNetworks": ["203.0.113.7/32"],
    "adminGroupIds": [GROUP],
}


def encoded(user: dict[str, Any]) -> str:
    """Return a kubeconfig with this user as Azure hands it out: in base64."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": NAME,
        "clusters": [
            {"name": NAME, "cluster": {"server": "https://api.azmk8s.io:443", "certificate-authority-data": "Y2E="}}
        ],
        "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": "clusterUser"}}],
        "users": [{"name": "clusterUser", "user": user}],
    }
    return base64.b64encode(yaml.safe_dump(config).encode()).decode()


# As AKS writes it: kubelogin, which would ask a person to enter a code in a browser.
INTERACTIVE = encoded(
    {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "command": "kubelogin",
            "args": [
                *("get-token", "--login", "devicecode", "--environment", "AzurePublicCloud"),
                *("--tenant-id", "tenant", "--server-id", SERVER_ID, "--client-id", "the-app-for-people"),
            ],
            "env": None,
        }
    }
)


@pytest.fixture
def program(loop: asyncio.AbstractEventLoop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Return the program, on a machine with kubelogin (a double)."""
    del loop
    put_on_path(tmp_path / "bin", monkeypatch, kubelogin="exit 64")
    secret = {rpc._special_sig_key: rpc._special_secret_sig, "value": INTERACTIVE}
    return start(
        FOLDER,
        {CLUSTER: {"name": NAME}, "azure-native:resources:ResourceGroup": {"name": NAME}},
        {CREDENTIALS: {"kubeconfigs": [{"name": "clusterUser", "value": secret}]}},
    )


def test_entra_id_is_the_only_way_in(program: Program) -> None:
    """Azure decides who may do what; there is no local account, and the named groups administer."""
    program.deploy(**NEEDED)

    cluster = program.mocks.inputs(CLUSTER, "cluster")
    assert {"managed": True, "enableAzureRBAC": True, "adminGroupObjectIDs": [GROUP]} == cluster["aadProfile"]
    assert (True, True) == (cluster["disableLocalAccounts"], cluster["enableRBAC"])
    assert {"authorizedIPRanges": ["203.0.113.7/32"]} == cluster["apiServerAccessProfile"]


def test_pods_and_cluster_have_identities_without_secrets(program: Program) -> None:
    """The cluster's is managed by Azure, and pods exchange tokens of the cluster's issuer."""
    program.deploy(**NEEDED)

    cluster = program.mocks.inputs(CLUSTER, "cluster")
    assert {"type": "SystemAssigned"} == cluster["identity"]
    assert {"enabled": True} == cluster["oidcIssuerProfile"] == cluster["securityProfile"]["workloadIdentity"]


def test_the_network_carries_both_protocols(program: Program) -> None:
    """The standard load balancer takes TCP and UDP in one Service; Cilium enforces policies in an overlay."""
    program.deploy(**NEEDED)

    assert {
        "networkPlugin": "azure",
        "networkPluginMode": "overlay",
        "networkDataplane": "cilium",
        "networkPolicy": "cilium",
        "loadBalancerSku": "standard",
        "outboundType": "loadBalancer",
    } == program.mocks.inputs(CLUSTER, "cluster")["networkProfile"]


def test_no_networks_make_a_private_cluster(program: Program) -> None:
    """Azure refuses authorized ranges on a private cluster: it gets one or the other."""
    program.deploy(**{**NEEDED, "authorizedNetworks": []})

    assert {"enablePrivateCluster": True} == program.mocks.inputs(CLUSTER, "cluster")["apiServerAccessProfile"]


def test_the_version_is_one_in_community_support(program: Program) -> None:
    """1.35 for the control plane and each pool, without the premium tier."""
    program.deploy(**NEEDED, wasmNodes="1")

    cluster = program.mocks.inputs(CLUSTER, "cluster")
    assert ("1.35", "KubernetesOfficial") == (cluster["kubernetesVersion"], cluster["supportPlan"])
    assert {"name": "Base", "tier": "Standard"} == cluster["sku"]
    pools = [*cluster["agentPoolProfiles"], *program.mocks.of(POOL).values()]
    assert ["1.35"] * 3 == [pool["orchestratorVersion"] for pool in pools]
    assert ["Ubuntu"] * 3 == [pool["osSKU"] for pool in pools]


def test_ordinary_work_has_a_pool_of_its_own(program: Program) -> None:
    """The system pool is for the cluster's own pods; the other grows and shrinks with what it has to run."""
    program.deploy(**NEEDED)

    (system,) = program.mocks.inputs(CLUSTER, "cluster")["agentPoolProfiles"]
    assert ("System", ["CriticalAddonsOnly=true:NoSchedule"]) == (system["mode"], system["nodeTaints"])
    assert {"work"} == set(program.mocks.of(POOL))
    work = program.mocks.inputs(POOL, "work")
    assert ("User", True, 2, 4) == (work["mode"], work["enableAutoScaling"], work["minCount"], work["maxCount"])
    assert not {"nodeLabels", "nodeTaints"} & set(work)
    assert (NAME, NAME) == (work["resourceName"], work["resourceGroupName"])


def test_the_wasm_pool_is_apart(program: Program) -> None:
    """It has a label of its own, and a taint that keeps every other pod away."""
    program.deploy(**NEEDED, wasmNodes="1")

    wasm = program.mocks.inputs(POOL, "wasm")
    assert {"kubernetes-emerging/wasm": "true"} == wasm["nodeLabels"]
    assert ["kubernetes-emerging/wasm=true:NoSchedule"] == wasm["nodeTaints"]


def test_the_kubeconfig_logs_in_without_a_person(program: Program) -> None:
    """It is a secret, holds no credential, and takes the token of the Azure CLI's login."""
    program.deploy(**NEEDED)

    (user,) = program.kubeconfig()["users"]
    login = user["user"].pop("exec")
    assert {} == user["user"]
    assert ("kubelogin", "Never") == (login["command"], login["interactiveMode"])
    assert ["get-token", "--login", "azurecli", "--server-id", SERVER_ID] == login["args"]
    assert "https://api.azmk8s.io:443" == program.kubeconfig()["clusters"][0]["cluster"]["server"]


def test_the_outputs_are_what_the_main_program_reads(program: Program) -> None:
    """Kubeconfig, its context, and the platform by its name there."""
    program.deploy(**NEEDED)

    assert {"kubeconfig", "context", "platform"} == set(program.exports)
    assert (NAME, "aks") == (program.exports["context"].value, program.exports["platform"].value)


@pytest.mark.parametrize(
    ("login", "arguments"),
    [
        ("azurecli", ["--server-id", SERVER_ID]),
        ("workloadidentity", ["--server-id", SERVER_ID]),
        (
            "spn",
            ["--server-id", SERVER_ID, "--tenant-id", "tenant", "--environment", "AzurePublicCloud"],
        ),
    ],
)
def test_each_login_keeps_what_it_needs(login: str, arguments: list[str]) -> None:
    """The application for people is never among it: it would take the place of the identity in the environment."""
    content, context = module_of(FOLDER, "kubeconfig")["non_interactive"](INTERACTIVE, login)

    (user,) = yaml.safe_load(content)["users"]
    assert ["get-token", "--login", login, *arguments] == user["user"]["exec"]["args"]
    assert NAME == context


def test_a_kubeconfig_with_a_credential_is_not_passed_on() -> None:
    """One of a cluster with local accounts holds an administrator's key; the message does not."""
    with pytest.raises(ValueError, match="does not log in through kubelogin") as caught:
        module_of(FOLDER, "kubeconfig")["non_interactive"](encoded({"client-key-data": "hush"}), "azurecli")

    assert "hush" not in str(caught.value)


def test_bad_config_is_refused_whole(program: Program) -> None:
    """Each key is named with what is wrong and what to write, and nothing is registered."""
    groups = "write the object ids of Entra ID groups, see `az ad group show --group <name> --query id`"
    version = "write 1.35, or set longTermSupport to true, which costs more"

    assert [
        "azure-native:subscriptionId: it is empty; write the id of the subscription, see `az account list`",
        "azure-native:location: 'West Europe' is not of the right form; write the region, such as westeurope",
        f"cluster-aks:authorizedNetworks: it is not a list of texts; {WRITE_NETWORKS}",
        "cluster-aks:login: 'devicecode' is not of the right form; write azurecli or workloadidentity or spn",
        "cluster-aks:maxNodes: 'many' is no whole number from 1 to 1000; write one of that range",
        f"cluster-aks:adminGroupIds: it is empty, and without local accounts nobody could get in; {groups}",
        f"cluster-aks:kubernetesVersion: since July 2026 AKS supports 1.33 for long-term support only; {version}",
    ] == program.refusal(
        **{"azure-native__location": "West Europe"},
        authorizedNetworks="203.0.113.7/32",
        login="devicecode",
        maxNodes="many",
        kubernetesVersion="1.33",
    )


def test_1_33_is_had_for_money(program: Program) -> None:
    """With long-term support the version is accepted, in the tier that has it."""
    program.deploy(**NEEDED, kubernetesVersion="1.33", longTermSupport="true")

    cluster = program.mocks.inputs(CLUSTER, "cluster")
    assert ("1.33", "AKSLongTermSupport") == (cluster["kubernetesVersion"], cluster["supportPlan"])
    assert {"name": "Base", "tier": "Premium"} == cluster["sku"]
