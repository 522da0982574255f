"""kill -9 at the writes of the state, of the engine and of the program: the next run converges.

Some of the writes are taken by default, every one with LAB_TEST_ALL=1.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lab.engine import Engine
from lab.engine.cluster import ApiError
from lab.engine.cluster import Cluster as ApiServer
from lab.engine.state import State
from tests.api.engine.killing import EVERY, MOMENTS, killed, writes

if TYPE_CHECKING:
    from lab.cluster import Cluster

Make = Callable[..., Engine]

PROGRAM = """
options = Options(provider=provider)
auto = k8s.core.v1.ConfigMap("auto", metadata={"namespace": space}, data={"text": text}, opts=options)
fixed = k8s.core.v1.ConfigMap(
    "fixed", metadata={"namespace": space, "name": "fixed"}, data={"text": text}, opts=options
)
account = k8s.core.v1.ServiceAccount(
    "account", metadata={"namespace": space, "name": "account", "labels": {"text": text, "auto": auto.metadata.name}},
    opts=options,
)
"""


@pytest.mark.parametrize(("victim", "moment"), [*MOMENTS, ("program", "after")])
def test_kill_at_every_write(
    engine: Make, api: ApiServer, lab_cluster: "Cluster", namespace: str, tmp_path: Path, victim: str, moment: str
) -> None:
    """After each kill the same command ends well, with each object once, and a third run changes nothing.

    From the second round on the objects are replaced: `fixed` goes before it comes, `auto` comes before it goes.
    """
    path = f"/api/v1/namespaces/{namespace}"
    config = {"kubeconfig": str(lab_cluster.kubeconfig), "space": namespace}
    last = 0
    for number in writes(3, 30):
        text = f"text-{number}"
        engine(PROGRAM, text=text)
        if not killed(tmp_path, {**config, "text": text}, "up", victim, moment, number):
            break
        last = number
        again = engine(PROGRAM, text=text).up()
        assert again.ok, (number, [found.message for found in again.diagnostics])
        _converged(api, path, tmp_path, text, number)
        assert not engine(PROGRAM, text=text).up().changes
    assert last >= 8
    assert engine(PROGRAM).destroy().ok
    with pytest.raises(ApiError, match="not found"):
        api.request("GET", f"{path}/configmaps/fixed")


@pytest.mark.parametrize("moment", [pytest.param("before", marks=EVERY), "after"])
def test_kill_at_every_write_of_a_destroy(
    engine: Make, api: ApiServer, lab_cluster: "Cluster", namespace: str, tmp_path: Path, moment: str
) -> None:
    """After each kill the same command ends well, and nothing is left in cluster and state."""
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    config = {"kubeconfig": str(lab_cluster.kubeconfig), "space": namespace}
    last = 0
    for number in writes(4):
        assert engine(PROGRAM).up().ok
        if not killed(tmp_path, config, "destroy", "engine", moment, number):
            break
        last = number
        again = engine(PROGRAM).destroy()
        assert again.ok, (number, [found.message for found in again.diagnostics])
        assert [] == [item for item in api.request("GET", path)["items"] if "text" in item["data"]], number
        state = State(tmp_path / "state", readonly=True)
        assert ({}, {}) == (state.operations, state.resources), number
    assert last >= 4


@pytest.mark.parametrize("moment", ["before", pytest.param("after", marks=EVERY)])
def test_kill_at_every_write_of_a_refresh(
    engine: Make, api: ApiServer, lab_cluster: "Cluster", namespace: str, tmp_path: Path, moment: str
) -> None:
    """After each kill the same command ends well, and the state says what is there."""
    path = f"/api/v1/namespaces/{namespace}"
    config = {"kubeconfig": str(lab_cluster.kubeconfig), "space": namespace}
    last = 0
    for number in writes(1, 8):
        assert engine(PROGRAM).up().ok
        api.request("DELETE", f"{path}/configmaps/fixed")
        label = {"metadata": {"labels": {"text": f"edit-{number}"}}}
        query = {"fieldManager": "pulumi-kubernetes"}
        api.request("PATCH", f"{path}/serviceaccounts/account", query, label, "merge-patch+json")
        if not killed(tmp_path, config, "refresh", "engine", moment, number):
            break
        last = number
        again = engine(PROGRAM).refresh()
        assert again.ok, (number, [found.message for found in again.diagnostics])
        found = {res["urn"].split("::")[-1]: res for res in State(tmp_path / "state", readonly=True).resources.values()}
        assert ["account", "auto", "cluster", "demo-dev"] == sorted(found)
        assert f"edit-{number}" == found["account"]["outputs"]["metadata"]["labels"]["text"]
    assert last >= 2


def _converged(api: ApiServer, path: str, folder: Path, text: str, number: int) -> None:
    maps: list[dict[str, Any]] = api.request("GET", f"{path}/configmaps")["items"]
    found = sorted(item["metadata"]["name"].split("-")[0] for item in maps if "text" in item["data"])
    assert ["auto", "fixed"] == found, number
    assert {text} == {item["data"]["text"] for item in maps if "text" in item["data"]}
    state = State(folder / "state", readonly=True)
    assert {} == state.operations
    assert 5 == len(state.resources), number
    auto = next(item["metadata"]["name"] for item in maps if item["metadata"]["name"].startswith("auto-"))
    labels = api.request("GET", f"{path}/serviceaccounts/account")["metadata"]["labels"]
    assert {"text": text, "auto": auto} == labels
