"""Where a stack deploys."""

import json
from pathlib import Path
from typing import Any, cast

import pulumi
import pytest
import yaml

from components import InvalidArgs, Target
from components._where import read_record
from components.actions.connection import Connection
from components.target import TargetArgs, connection_of
from components.testing import ClusterMocks

KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: one
clusters: [{name: c, cluster: {server: "https://127.0.0.1:6443"}}]
users: [{name: u, user: {token: hush}}]
contexts: [{name: one, context: {cluster: c, user: u}}]
"""


def write_record(folder: Path, **more: Any) -> str:
    """Write a record like the one that `make up` leaves and return its path."""
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(KUBECONFIG)
    record = {
        "version": 1,
        "kubeconfig": str(kubeconfig),
        "context": "one",
        "cluster_id": "uid",
        "platform": "lab",
        **more,
    }
    path = folder / "record.json"
    path.write_text(json.dumps(record))
    return str(path)


@pulumi.runtime.test
async def test_a_record_names_the_cluster(mocks: ClusterMocks, tmp_path: Path) -> None:
    """The record's cluster is the provider's and the connection's, identity included."""
    target = Target("target", {"record": write_record(tmp_path)})

    connection = await target.connection.future()
    assert {"kubeconfig": KUBECONFIG, "context": "one", "cluster_id": "uid"} == connection
    await target.provider.urn.future()
    assert "tests/unit" == mocks.inputs("pulumi:providers:kubernetes", "target")["clusterIdentifier"]


@pulumi.runtime.test
async def test_the_kubeconfig_is_a_secret(mocks: ClusterMocks) -> None:
    """It is one in the connection and in the provider's inputs."""
    target = Target("target", {"kubeconfig": KUBECONFIG})

    assert await target.connection.is_secret()
    await target.provider.urn.future()
    provider = mocks.inputs("pulumi:providers:kubernetes", "target")
    assert "4dabf18193072939515e22adb298388d" in provider["kubeconfig"]


@pulumi.runtime.test
async def test_a_kubeconfig_may_come_later(mocks: ClusterMocks) -> None:
    """Content that another resource gives is checked once it is there."""
    del mocks
    target = Target("target", {"kubeconfig": pulumi.Output.from_input(KUBECONFIG)})

    assert {"kubeconfig": KUBECONFIG} == await target.connection.future()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({}, "none of them is given"),
        ({"record": "/nowhere/record.json", "kubeconfig": "x"}, "record and kubeconfig are given"),
        ({"record": "/nowhere/record.json"}, "run `make up`"),
        ({"record": "/nowhere/record.json", "context": "one"}, "the record has its own"),
        ({"kubeconfig": "/nowhere/config"}, "does not exist"),
        ({"kubeconfig": KUBECONFIG, "context": "two"}, "name one of: one"),
        ({"kubeconfg": "x"}, "write 'kubeconfig'"),
    ],
)
def test_bad_targets(mocks: ClusterMocks, args: dict[str, str], words: str) -> None:
    """Each is refused before anything is registered."""
    with pytest.raises(InvalidArgs) as caught:
        Target("target", cast(TargetArgs, args))

    assert words in str(caught.value)
    assert [] == mocks.resources


def test_a_look_beforehand_reaches_the_same_cluster(tmp_path: Path) -> None:
    """Plain arguments give the connection that the Target will have, and are refused as it refuses them."""
    assert Connection(KUBECONFIG, "one") == connection_of({"kubeconfig": KUBECONFIG, "context": "one"})
    assert Connection(KUBECONFIG, "one", "uid") == connection_of({"record": write_record(tmp_path)})
    with pytest.raises(InvalidArgs, match="none of them is given"):
        connection_of({})


def test_a_record_that_is_damaged_is_said_to_be(tmp_path: Path) -> None:
    """A file cut short names the way out."""
    path = tmp_path / "record.json"
    path.write_text('{"version": 1,')

    with pytest.raises(ValueError, match="run `make up` again"):
        read_record(str(path))


CLUSTER = "acme/cluster-eks/prod"


@pulumi.runtime.test
async def test_the_cluster_of_another_stack(mocks: ClusterMocks) -> None:
    """Its outputs are deployed to: kubeconfig (text or object), context and clusterId; arguments go before them."""
    mocks.stacks[CLUSTER] = {"kubeconfig": KUBECONFIG, "context": "one", "clusterId": "uid"}
    target = Target("target", {"stack": CLUSTER})
    assert {"kubeconfig": KUBECONFIG, "context": "one", "cluster_id": "uid"} == await target.connection.future()
    assert await target.connection.is_secret()
    await target.provider.urn.future()
    assert "one" == mocks.inputs("pulumi:providers:kubernetes", "target")["context"]

    mocks.stacks[CLUSTER] = {"kubeconfig": yaml.safe_load(KUBECONFIG)}
    other = Target("other", {"stack": CLUSTER, "cluster_id": "mine"})
    known = await other.connection.future()
    assert known is not None
    assert yaml.safe_load(KUBECONFIG) == json.loads(str(known["kubeconfig"]))
    assert "mine" == known["cluster_id"]


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        ({"endpoint": "e"}, "has no output `kubeconfig` (its outputs: endpoint): export one there"),
        ({}, "has no output `kubeconfig` (its outputs: none)"),
        ({"kubeconfig": "a: b\n"}, "the kubeconfig names no clusters"),
        ({"kubeconfig": KUBECONFIG, "context": "two"}, "has no context 'two'"),
    ],
)
def test_a_stack_that_made_no_cluster(mocks: ClusterMocks, outputs: dict[str, str], words: str) -> None:
    """What it lacks is told, with what to do there."""
    mocks.stacks[CLUSTER] = outputs

    @pulumi.runtime.test
    async def program() -> None:
        await Target("target", {"stack": CLUSTER}).connection.future()

    with pytest.raises(pulumi.RunError) as caught:
        program()
    assert words in str(caught.value)


@pulumi.runtime.test
async def test_the_state_remembers_the_cluster(mocks: ClusterMocks, tmp_path: Path) -> None:
    """In a Stash: what is named is its input."""
    target = Target("target", {"record": write_record(tmp_path)})
    await target.provider.urn.future()

    assert {"input": "uid"} == mocks.inputs("pulumi:index:Stash", "target-cluster-id")
