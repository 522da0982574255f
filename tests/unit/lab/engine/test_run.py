"""Whole runs: the real SDK in a real child process, against a fake API server."""

import json
import os
import signal
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.engine import Engine, QuietDisplay, Summary, program
from lab.engine.state import State
from tests.unit.lab.engine.fakes import FakeCluster

PRELUDE = """
import asyncio, os, sys, time
import pulumi
from pulumi import ResourceOptions as Options

class Provider(pulumi.ProviderResource):
    def __init__(self, name, **props):
        super().__init__("kubernetes", name, {"kubeconfig": pulumi.Output.secret("token-of-the-cluster"), **props})

class Map(pulumi.CustomResource):
    metadata: pulumi.Output[dict]
    data: pulumi.Output[dict]
    def __init__(self, name, data, opts, /, kind="ConfigMap", **metadata):
        props = {"apiVersion": "v1", "kind": kind, "metadata": metadata, "data": data}
        super().__init__(f"kubernetes:core/v1:{kind}", name, props, opts)

class Group(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("test:index:Group", name, {}, opts)

config = pulumi.Config()
provider = Provider("cluster", enableConfigMapMutable=config.get("mutable") or "false")
"""
Run = Callable[..., Summary]


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Engine]:
    """Give a function that writes a program and makes an engine for it, on a fake cluster.

    A proxy for the outside, which does not answer, is set in every run: unasked, gRPC looks even for this machine
    behind it, and neither the engine nor the program with its hooks may.
    """
    FakeCluster.reset()
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for module in ("kubernetes", "providers"):
        monkeypatch.setattr(f"lab.engine.{module}.Cluster", FakeCluster)

    def make(program: str, **config: str) -> Engine:
        (tmp_path / "Pulumi.yaml").write_text("name: demo\nruntime: python\n")
        (tmp_path / "__main__.py").write_text(PRELUDE + textwrap.dedent(program))
        return Engine(tmp_path, "dev", tmp_path / "state", QuietDisplay(), config=config)

    return make


def messages(summary: Summary) -> str:
    """Return all messages of a run as one text."""
    return "\n".join(f"{found.severity} {found.urn.split('::')[-1]}: {found.message}" for found in summary.diagnostics)


LIFE = """
group = Group("group", Options(providers=[provider]))
text = config.get("text") or "one"
auto = Map("auto", {"text": text}, Options(parent=group))
fixed = Map("fixed", {"text": text}, Options(parent=group), name="fixed")
user = Map("user", {"from": auto.metadata["name"]}, Options(parent=group), name="user", labels={"a": "b"})
group.register_outputs({"name": auto.metadata["name"]})
pulumi.export("name", auto.metadata["name"])
pulumi.export("word", pulumi.Output.secret("hush"))
print("a word from the program")
"""


def test_life_of_a_stack(engine: Callable[..., Engine], tmp_path: Path) -> None:
    """Create, no change, replace in both orders, destroy: as the official engine does it."""
    first = engine(LIFE).up()
    assert first.ok, messages(first)
    assert {"create": 6} == first.counts
    assert "a word from the program" in messages(first)
    assert "/api/v1/namespaces/default/configmaps/fixed" in FakeCluster.objects
    name = engine(LIFE).outputs()["name"]
    assert name.startswith("auto-")
    assert 13 == len(name)
    assert {"name": name, "word": "[secret]"} == engine(LIFE).outputs()
    assert "hush" == engine(LIFE).outputs(show_secrets=True)["word"]

    unchanged = engine(LIFE).up()
    assert (False, {"same": 6}) == (unchanged.changes, unchanged.counts)

    FakeCluster.log.clear()
    preview = engine(LIFE, text="two").preview()
    assert {"same": 3, "replace": 3} == preview.counts
    assert [] == [query for method, _, query in FakeCluster.log if method != "GET" and not query.get("dryRun")]

    FakeCluster.log.clear()
    assert {"same": 3, "replace": 3} == engine(LIFE, text="two").up().counts
    writes = [(method, path.split("/")[-1]) for method, path, _ in FakeCluster.log if method in ("POST", "DELETE")]
    # `fixed` goes before it comes; the auto-named one comes first, and its old self goes at the very end.
    assert ("DELETE", name) == writes[-1]
    assert "DELETE" == next(method for method, last in writes if last == "fixed")
    state = b"".join(file.read_bytes() for file in (tmp_path / "state").iterdir())
    assert b"token-of-the-cluster" not in state
    assert b"hush" not in state

    last = engine(LIFE).destroy()
    assert ({"delete": 6}, {}) == (last.counts, FakeCluster.objects)
    assert {} == State(tmp_path / "state", readonly=True).resources


HOOKS = """
def hook(when):
    async def call(args):
        seen = [when, args.name, *(((getattr(args, key) or {}).get("data") or {}).get("text")
                for key in ("old_inputs", "new_inputs", "old_outputs", "new_outputs"))]
        pulumi.log.info(repr(seen))
        if when in (config.get("fail"), config.get("warn")):
            raise RuntimeError("refused")
    options = pulumi.ResourceHookOptions(on_dry_run=when.startswith("before"), ignore_errors=when == config.get("warn"))
    return pulumi.ResourceHook(when, call, options)

names = ["before_create", "after_create", "before_update", "after_update"]
binding = pulumi.ResourceHookBinding(**{name: [hook(name)] for name in names})
watched = Map("watched", {"text": config.get("text")}, Options(provider=provider, hooks=binding), name="watched")
Map("other", {"text": watched.data["text"]}, Options(provider=provider), name="other")
"""


def hooks_called(summary: Summary) -> list[str]:
    """Return what the hooks of a run wrote down."""
    return [found.message for found in summary.diagnostics if found.message.startswith("[")]


def test_hooks(engine: Callable[..., Engine], tmp_path: Path) -> None:
    """Hooks see old and new; a failing before-hook keeps the state, a failing after-hook does not."""

    def text() -> str:
        found = State(tmp_path / "state", readonly=True).live(
            "urn:pulumi:dev::demo::kubernetes:core/v1:ConfigMap::watched"
        )
        assert found
        return str(found[1]["inputs"]["data"]["text"])

    created = engine(HOOKS, text="one", mutable="true", warn="after_create").up()
    assert created.ok
    assert 'warning watched: after hook "after_create" failed: refused' in messages(created)
    assert [
        "['before_create', 'watched', None, 'one', None, None]",
        "['after_create', 'watched', None, 'one', None, 'one']",
    ] == hooks_called(created)
    preview = engine(HOOKS, text="two", mutable="true", fail="before_update").preview()
    assert ["['before_update', 'watched', 'one', 'two', 'one', None]"] == hooks_called(preview)
    assert (False, {"same": 2}) == (preview.ok, preview.counts)

    before = engine(HOOKS, text="two", mutable="true", fail="before_update").up()
    assert (False, "one") == (before.ok, text())
    assert 'error watched: before hook "before_update" failed: refused' in messages(before)
    after = engine(HOOKS, text="two", mutable="true", fail="after_update").up()
    assert (False, "two", {"same": 2, "update": 1}) == (after.ok, text(), after.counts)


def test_what_is_not_done_is_named(engine: Callable[..., Engine]) -> None:
    """What the engine does not do is an error with the feature's name and the official CLI."""
    summary = engine("pulumi.runtime.invoke('kubernetes:yaml:decode', {})").up()
    assert not summary.ok
    assert "the provider function kubernetes:yaml:decode" in messages(summary)
    assert "official Pulumi CLI" in messages(summary)


PROVIDER = """
other = Provider("other", clusterIdentifier="same", kubeconfig=config.require("server"))
Map("made", {"a": config.get("a")}, Options(provider=other), name="made")
"""


def test_a_new_kubeconfig_for_the_same_cluster(engine: Callable[..., Engine]) -> None:
    """A provider with a clusterIdentifier is updated to a new kubeconfig, which is used from then on."""
    assert engine(PROVIDER, server="old", a="1").up().ok
    FakeCluster.servers.clear()
    assert {"same": 3, "update": 1} == engine(PROVIDER, server="new", a="1").up().counts
    assert "old" not in FakeCluster.servers
    replaced = engine(PROVIDER.replace('clusterIdentifier="same", ', ""), server="newer", a="1").preview()
    assert {"same": 2, "replace": 2} == replaced.counts


FAILING = """
if config.get("how") == "run-error":
    raise pulumi.RunError("in plain words")
if config.get("how") == "apply":
    provider.id.apply(lambda _: 1 / 0)
if config.get("how") == "exit":
    sys.exit(7)
Map("kept", {}, Options(provider=provider), name="kept")
"""


def test_programs_that_fail(engine: Callable[..., Engine]) -> None:
    """A failing program fails the run, deletes nothing, and tells why without a needless traceback."""
    assert engine(FAILING).up().ok
    for how, expected in (
        ("run-error", "error : in plain words"),
        ("apply", "ZeroDivisionError: division by zero"),
        ("exit", "error : the program ended with exit code 7"),
    ):
        summary = engine(FAILING, how=how).up()
        assert not summary.ok
        assert expected in messages(summary)
        assert ("Traceback" in messages(summary)) == (how == "apply")
        assert 1 == len(FakeCluster.objects)


OPTIONS = """
if config.get("held") != "gone":
    Map("held", {"a": "b"}, Options(provider=provider, protect=config.get("held") == "protected"), name="held")
if config.get("kept") != "gone":
    Map("kept", {"a": "b"}, Options(provider=provider, retain_on_delete=True), name="kept")
secret = pulumi.Output.secret("hush")
Map("secret", {"word": secret}, Options(provider=provider), "Secret", name="secret")
"""


def test_resource_options(engine: Callable[..., Engine], tmp_path: Path) -> None:
    """Protect holds, retain_on_delete keeps the object, secrets stay secret."""
    assert engine(OPTIONS, held="protected").up().ok
    refused = engine(OPTIONS, held="gone").preview()
    assert "error held: it cannot be deleted because it is protected" in messages(refused)
    assert not engine(OPTIONS).destroy().ok
    assert {"same": 4, "delete": 1} == engine(OPTIONS, kept="gone").up().counts
    assert b"hush" not in b"".join(file.read_bytes() for file in (tmp_path / "state").iterdir())
    assert {"delete": 4} == engine(OPTIONS).destroy().counts
    assert ["kept"] == [path.split("/")[-1] for path in FakeCluster.objects]


# The hooks go on when all of them are at work at once and `go` is there.
SLOW = """
import glob

async def until(true):
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)

def hook(name):
    async def call(args):
        open(f"began-{args.name}", "w").close()
        if args.name == config.get("fail"):
            await until(lambda: len(glob.glob("began-*")) == 8)
            open("go", "w").close()
            raise RuntimeError("refused")
        await until(lambda: os.path.exists("go"))
        await asyncio.sleep(0.2)
        open(f"ended-{args.name}", "w").close()
    return pulumi.ResourceHookBinding(before_create=[pulumi.ResourceHook(name, call)])
for name in ("a", "b", "c", "d", "e", "f", "g", "h"):
    first = Map(name, {}, Options(provider=provider, hooks=hook(name)), name=name)
Map("last", {}, Options(provider=provider, depends_on=[first]), name="last")
"""


def test_hooks_run_in_parallel_and_steps_in_flight_end(engine: Callable[..., Engine], tmp_path: Path) -> None:
    """Eight hooks run at once; when one of them fails the others still end, and nothing new begins."""
    summary = engine(SLOW, fail="a").up()
    assert (False, False) == (summary.ok, summary.cancelled)
    assert 7 == len(list(tmp_path.glob("ended-*")))
    assert not any(path.endswith("/last") for path in FakeCluster.objects)
    assert 7 == len(FakeCluster.objects)


def test_interrupt_lets_steps_in_flight_end(engine: Callable[..., Engine], tmp_path: Path) -> None:
    """Ctrl-C ends the run after the steps in flight; hooks are not cut, and the same command goes on."""

    def interrupt() -> None:
        end = time.monotonic() + 20
        while len(list(tmp_path.glob("began-*"))) < 8 and time.monotonic() < end:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)
        (tmp_path / "go").touch()

    threading.Thread(target=interrupt).start()
    summary = engine(SLOW).up()
    assert not summary.ok
    assert summary.cancelled
    assert "the run was cancelled" in messages(summary)
    assert 8 == len(list(tmp_path.glob("ended-*")))
    assert 8 == len(FakeCluster.objects)
    assert {"same": 10, "create": 1} == engine(SLOW).up().counts


@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
def test_what_needs_no_proxy_already_needs_none_still(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's own exceptions reach the program in both spellings, of which most clients read one only."""
    for each in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(name, "inner.example")
    expected = "inner.example,localhost,127.0.0.1,::1"
    assert {"no_proxy": expected, "NO_PROXY": expected} == program._direct()


def test_the_program_runs_as_main(engine: Callable[..., Engine], tmp_path: Path) -> None:
    """It is __main__, in its own folder, which is first in sys.path; stack and project are told."""
    (tmp_path / "beside.py").write_text("VALUE = 'from beside'\n")
    program = """
    import beside
    pulumi.export("quiet", os.environ["GRPC_VERBOSITY"])
    pulumi.export("pid", os.getpid())
    pulumi.export("seen", [__name__, os.getcwd(), sys.path[0], beside.VALUE, pulumi.get_stack(), pulumi.get_project()])
    """
    built = engine(program)
    assert built.up().ok
    folder = str(tmp_path.resolve())
    assert os.environ["GRPC_VERBOSITY"] == built.outputs()["quiet"]
    assert built.outputs()["pid"] == json.loads((tmp_path / "state" / "lock").read_text())["program"]
    assert ["__main__", folder, folder, "from beside", "dev", "demo"] == built.outputs()["seen"]
