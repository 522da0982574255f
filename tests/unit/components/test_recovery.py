"""What the recovery components register, what they refuse, and what CriCheck says; mocks prove no more than that."""

import json
import sys
from pathlib import Path
from typing import Any, cast

import pulumi
import pytest
from pulumi.runtime import settings

from components import (
    ClusterReset,
    ClusterRestore,
    ClusterSnapshot,
    CriCheck,
    InvalidArgs,
)
from components.actions.client import Client
from components.actions.connection import Connection
from components.actions.errors import ActionError, ConnectionProblem
from components.model.cri import NodeVerdict
from components.reset import _what_will_be
from components.testing import CONNECTION, ClusterMocks
from tests.unit.actions.api import KUBE_SYSTEM
from tests.unit.actions.test_reset import dumped, planned, protect, quiet
from tests.unit.actions.test_snapshot import IDENTITY

ROOT = str(Path(__file__).resolve().parents[3])
COMMAND = "command:local:Command"
RECIPIENT = "age1made-up"
TOKEN = "20261127T065906Z-eb7d03589163020f9dea4d71c5201793"
SNAPSHOT: Any = {"connection": CONNECTION, "to": "backup", "recipients": [RECIPIENT]}
RESTORE: Any = {"connection": CONNECTION, "snapshot": "backup/s.tar", "identities": ["~/key"]}
RESET: Any = {"kubeconfig": "~/.kube/config", "context": "lab"}
ARMED: Any = {**RESET, "snapshot": "backup/s.tar", "token": TOKEN, "driver": ["lab", "--expect", "$RESET_CLUSTER"]}


@pulumi.runtime.test
async def test_a_snapshot_is_one_command(mocks: ClusterMocks) -> None:
    """One interpreter without a shell; nothing that a destroy would run; the connection on a secret standard input."""
    args = {**SNAPSHOT, "connection": {**CONNECTION, "cluster_id": "uid"}, "keep": 14.0, "triggers": ["1"]}
    await ClusterSnapshot("backup", cast(Any, args)).snapshot.future()
    inputs = mocks.inputs(COMMAND, "backup")

    assert ["snapshot"] * 2 == [inputs["create"], inputs["update"]]
    assert [sys.executable, "-P", "-m", "components.actions.commanded"] == inputs["interpreter"]
    assert {"interpreter", "create", "update", "stdin", "environment", "logging"} == inputs.keys()
    assert "stderr" == inputs["logging"]
    told = json.loads(inputs["environment"]["RECOVERY_REQUEST"])
    expected = {"to": "backup", "recipients": [RECIPIENT], "keep": 14, "triggers": ["1"], "cluster": "uid"}
    assert (expected, int) == (told, type(told["keep"]))
    assert ROOT == inputs["environment"]["PYTHONPATH"]
    assert {**CONNECTION, "cluster_id": "uid"} == json.loads(inputs["stdin"]["value"])
    assert {} == mocks.inputs("kubernetes-emerging:index:ClusterSnapshot", "backup")
    request = cast(Any, settings.get_monitor()).requests[f"{COMMAND} backup"]
    hooks = request.hooks
    assert (1, 1, 0) == (len(hooks.before_create), len(hooks.before_update), len(hooks.before_delete))
    # The SDK replaces for changed triggers, which is why there are none among the inputs.
    assert ["triggers[*]"] == list(request.replaceOnChanges)
    # The one form in which the protocol marks a secret.
    assert "4dabf18193072939515e22adb298388d" in str(request.object.fields["stdin"])
    assert "4dabf18193072939515e22adb298388d" not in str(request.object.fields["environment"])


@pulumi.runtime.test
async def test_a_restore_is_one_command(mocks: ClusterMocks) -> None:
    """It is asked for with paths and names."""
    args = cast(Any, {**RESTORE, "from_cluster": "old", "map_namespaces": {"a": "b"}})
    await ClusterRestore("back", args).created.future()
    inputs = mocks.inputs(COMMAND, "back")

    told = json.loads(inputs["environment"]["RECOVERY_REQUEST"])
    expected = {"snapshot": "backup/s.tar", "identities": ["~/key"], "from_cluster": "old"}
    assert {**expected, "map_namespaces": {"a": "b"}, "cluster": ""} == told
    assert "restore" == inputs["create"] == inputs["update"]


@pulumi.runtime.test
async def test_a_reset_without_a_token_registers_nothing(mocks: ClusterMocks) -> None:
    """There is a component, for its outputs, and no command."""
    made = ClusterReset("reset", cast(Any, {**RESET, "snapshot": "backup/s.tar", "driver": ["lab"]}))

    assert not await made.plan.future()
    assert "" == await made.new_cluster.future()
    assert [] == [each.name for each in mocks.resources if each.typ == COMMAND]


@pulumi.runtime.test
async def test_a_reset_with_its_token_is_one_command(mocks: ClusterMocks) -> None:
    """It takes a path, for it reads the file again afterwards: no kubeconfig comes into the state."""
    made = ClusterReset("reset", ARMED)
    await made.new_cluster.future()
    inputs = mocks.inputs(COMMAND, "reset")

    assert {"interpreter", "create", "update", "environment", "logging"} == inputs.keys()
    assert ARMED == json.loads(inputs["environment"]["RECOVERY_REQUEST"])
    assert await made.connection.is_secret()


@pytest.mark.parametrize(
    ("component", "args", "words"),
    [
        (ClusterSnapshot, {**SNAPSHOT, "to": " "}, "to: it is empty; write a folder"),
        (ClusterSnapshot, {**SNAPSHOT, "recipients": []}, "recipients: nobody is named who could read the Secrets"),
        (ClusterSnapshot, {"connection": CONNECTION, "to": "x"}, "recipients: nobody is named"),
        (ClusterSnapshot, {**SNAPSHOT, "recipients": ["me"]}, "recipients[0]: 'me' is no recipient; write age1…"),
        (ClusterSnapshot, {**SNAPSHOT, "keep": 0}, "keep: 0 is out of range"),
        (ClusterSnapshot, {**SNAPSHOT, "namespaces": ["A"]}, "namespaces[0]: 'A' is not"),
        (ClusterSnapshot, {**SNAPSHOT, "recipient": "x"}, "recipient: there is no such field; write 'recipients'"),
        (ClusterRestore, {**RESTORE, "digest": "1"}, "digest: it is no sha256"),
        (ClusterRestore, {**RESTORE, "on_conflict": "force"}, "on_conflict: 'force' is not one of its values"),
        (ClusterRestore, {**RESTORE, "map_namespaces": {"a": "c", "b": "c"}}, "map_namespaces.b: 'c' is already"),
        (ClusterRestore, {"connection": CONNECTION}, "snapshot: it is required"),
        (ClusterReset, {**RESET, "context": ""}, "context: it is empty; write the context that is meant"),
        (ClusterReset, {"kubeconfig": "x"}, "context: it is required"),
        (ClusterReset, {**RESET, "token": TOKEN}, "driver: a reset needs it"),
        (ClusterReset, {**ARMED, "token": "yes"}, "token: it is none; write the one of the output `plan`"),
        (ClusterReset, {**ARMED, "driver": []}, "driver: a reset needs it"),
        (CriCheck, {"connection": CONNECTION, "fail_for": "always"}, "fail_for: 'always' is not one of its values"),
    ],
)
def test_bad_arguments(mocks: ClusterMocks, component: Any, args: Any, words: str) -> None:
    """Each is refused before anything is registered."""
    with pytest.raises(InvalidArgs) as caught:
        component("x", args)
    assert words in str(caught.value)
    assert [] == mocks.resources


@pytest.mark.parametrize(
    ("component", "args", "words"),
    [
        (ClusterSnapshot, {**SNAPSHOT, "recipients": ["AGE-SECRET-KEY-1MADEUP"]}, "recipients[0]: it is an identity"),
        (ClusterRestore, {**RESTORE, "identities": ["AGE-SECRET-KEY-1MADEUP"]}, "identities[0]: it is a key itself"),
        (ClusterReset, {**ARMED, "identities": ["-----BEGIN PRIVATE KEY-----MADEUP"]}, "identities[0]: it is a key"),
        (ClusterReset, {**RESET, "kubeconfig": "users:\n- MADEUP"}, "kubeconfig: it is the content of a kubeconfig"),
    ],
)
def test_a_secret_in_the_wrong_place_is_not_told(mocks: ClusterMocks, component: Any, args: Any, words: str) -> None:
    """It would lie in the state, and in every log of it."""
    with pytest.raises(InvalidArgs) as caught:
        component("x", args)
    assert words in str(caught.value)
    assert "MADEUP" not in str(caught.value)
    assert [] == mocks.resources


@pulumi.runtime.test
async def test_without_secrets_nobody_has_to_read_them(mocks: ClusterMocks) -> None:
    """A snapshot that leaves them out needs no recipients."""
    await ClusterSnapshot("s", {"connection": CONNECTION, "to": "x", "without": ["sec*"]}).digest.future()
    assert mocks.inputs(COMMAND, "s")


def test_a_preview_says_what_a_reset_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the cluster, or what would be refused, or the reset that it goes on with."""
    api = quiet()
    archive = dumped(api, tmp_path / "s")
    (tmp_path / "key").write_text(str(IDENTITY))
    monkeypatch.setattr(Connection, "client", lambda _self, **_options: Client(api))
    monkeypatch.setattr("components.reset.load_kubeconfig", lambda *_: Connection("made-up"))
    files = {"snapshot": archive.place, "identities": [str(tmp_path / "key")], "journal": str(tmp_path / "j")}
    asked = {"kubeconfig": "k", "context": "lab", "token": planned(api, archive).token, **files}

    assert f"this update RESETS THE CLUSTER {KUBE_SYSTEM}" in _what_will_be(asked)
    with pytest.raises(ActionError, match=r"would not be touched:\n  the token is for another cluster"):
        _what_will_be(asked | {"token": TOKEN})
    protect(api)
    with pytest.raises(ActionError, match="the cluster is protected"):
        _what_will_be(asked)
    steps = [{"reset": {"token": asked["token"]}}, {"first": {}}, {"done": {"recreated": ["ended", "new"]}}]
    (tmp_path / "j.done").write_text("".join(f"{json.dumps(step)}\n" for step in steps))
    assert "was done, and made the cluster new: this update takes note of it" in _what_will_be(asked)
    (tmp_path / "j").touch()
    assert f"this update goes on with the reset that {tmp_path / 'j'} tells of" == _what_will_be(asked)


def node(now: Any, following: Any) -> NodeVerdict:
    """Return what is said of a node."""
    return NodeVerdict("n", "v1.33.1", "containerd://1.6.0", "v1", now, following, ("it is old",), "make it new")


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, mocks: ClusterMocks) -> list[str]:
    """Let a CriCheck look although Pulumi is played by mocks, and keep what it warns of."""
    del mocks
    found: list[str] = []
    monkeypatch.setattr("components.cri.mocked", lambda: False)
    monkeypatch.setattr("components.actions.connection.Connection.client", lambda *_args, **_options: object())
    monkeypatch.setattr(pulumi.log, "warn", lambda text, **_options: found.append(str(text)))
    return found


@pytest.mark.parametrize(
    ("verdict", "fail_for", "stops", "warns"),
    [
        (node("yes", "yes"), "next", False, False),
        (node("unknown", "unknown"), "next", False, False),
        (node("no", "no"), "now", True, False),
        (node("no", "no"), "never", False, True),
        (node("yes", "no"), "now", False, True),
        (node("yes", "no"), "next", True, False),
    ],
)
def test_what_a_node_s_verdict_does(
    said: list[str], monkeypatch: pytest.MonkeyPatch, verdict: NodeVerdict, fail_for: str, stops: bool, warns: bool
) -> None:
    """It stops the run as far as it was asked to, and warns else; what is unknown does neither."""
    monkeypatch.setattr("components.cri.check_nodes", lambda _client: (verdict,))

    @pulumi.runtime.test
    async def program() -> None:
        made = CriCheck("cri", {"connection": CONNECTION, "fail_for": fail_for})
        (found,) = await made.nodes.future() or []
        assert ("n", verdict.now, ["it is old"]) == (found["node"], found["now"], found["evidence"])
        assert not await made.nodes.is_secret()

    if stops:
        with pytest.raises(pulumi.RunError, match=r"do not suit their kubelets:\n.*n: it is old; make it new"):
            program()
    else:
        program()
    assert warns == bool(said)


@pytest.mark.parametrize(
    ("preview", "problem", "passes"),
    [
        (True, ConnectionProblem("x does not answer", "check it"), True),
        (False, ConnectionProblem("x does not answer", "check it"), False),
        (True, ActionError("x does not answer: check it"), False),
    ],
)
def test_nodes_that_are_not_told(
    said: list[str], monkeypatch: pytest.MonkeyPatch, preview: bool, problem: ActionError, passes: bool
) -> None:
    """A preview that reaches nobody warns; everything else stops the run."""

    def fail(_client: object) -> None:
        raise problem

    monkeypatch.setattr("components.cri.check_nodes", fail)
    monkeypatch.setattr("pulumi.runtime.is_dry_run", lambda: preview)

    @pulumi.runtime.test
    async def program() -> None:
        assert [] == await CriCheck("cri", {"connection": CONNECTION}).nodes.future()

    if passes:
        program()
        assert ["this preview cannot tell what the nodes are: x does not answer: check it"] == said
    else:
        with pytest.raises(pulumi.RunError, match="x does not answer: check it"):
            program()
