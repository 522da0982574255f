"""The commands that only look: what runs, where it is reached, what it printed, and what other tools need."""

import json
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from lab import live, report
from lab.errors import LabError, RefusedError
from lab.given import UnseenCluster
from lab.lock import holder
from lab.naming import PROJECT, namespace_of
from lab.official import OfficialEngine
from lab.parts import ClusterLike
from lab.record import Record
from lab.stack import SIMULATED_NOTE, Lab
from lab.ways import GIVEN, LAB, SIMULATED, TITLES, engine_for

_LINES = 20


def status(lab: Lab) -> None:
    """Say what runs and how to reach it; a stopped or missing cluster is an answer, not an error."""
    busy = holder(lab.dir)
    if busy:
        lab.say(f"`{busy.command}` is at work on this stack since {busy.since} (process {busy.pid}).\n")
    record = lab.record()
    if record is None:
        wish = lab.wish()
        if wish.cluster == GIVEN:
            engine_for(wish, GIVEN, None, lab.parts.pulumi(lab.root), {})  # says what is needed, where it is missing
        lab.console.print(report.cluster_table("none: nothing runs", {}, [], []))
        lab.say(f"\nBring the lab up with `{lab.command('up')}`.")
        return
    cluster = lab.cluster(record)
    if not cluster.running():
        state = f"stopped: start it again, with what is in it, with `{lab.command('up')}`"
        if record.cluster == GIVEN:
            state = f"does not answer: {record.kubeconfig}"
        lab.console.print(report.cluster_table(state, {}, [], []))
        return
    if isinstance(cluster, UnseenCluster):
        show(lab, record, cluster)
        return
    reader = lab.parts.reader(cluster.kubeconfig, cluster.context)
    try:
        version = reader.get("/version")["gitVersion"]
        nodes = live.nodes(reader)
        system = live.workloads(reader, "kube-system")
    except LabError as error:
        lab.console.print(report.cluster_table(f"runs, but {error}", _details(lab, record, cluster), [], []))
        raise LabError(f"Run `{lab.command('up')}`, or begin anew with `{lab.command('down')}`.") from error
    state = f"running, Kubernetes {version}{', simulated' if record.cluster == SIMULATED else ''}"
    lab.console.print(report.cluster_table(state, _details(lab, record, cluster), nodes, system))
    lab.console.print()
    show(lab, record, cluster)


def show(lab: Lab, record: Record, cluster: ClusterLike) -> None:
    """Print what runs in the stack's namespace, where it is reached, and what to try next."""
    if isinstance(cluster, UnseenCluster):
        lab.say(f"{_unseen(lab)} What was deployed there: `{lab.command('outputs')}`.")
        return
    namespace = str(_outputs_or_nothing(lab, record).get("namespace") or namespace_of(lab.stack))
    reader = lab.parts.reader(cluster.kubeconfig, cluster.context)
    workloads, services = live.workloads(reader, namespace), live.services(reader, namespace)
    if not workloads and not services:
        lab.say(f"Nothing runs in namespace {namespace}. Deploy it with `{lab.command('up')}`.")
        return
    lab.console.print()
    access = report.Access(
        cluster.kubectl, cluster.kubeconfig, namespace, lab.stack, published=_published(cluster), kind=record.cluster
    )
    lab.console.print(report.workload_table(access, workloads, services))
    if record.cluster == SIMULATED:
        lab.say(f"\n{SIMULATED_NOTE}")
    report.print_steps(lab.console, report.next_steps(access, workloads, services))
    if record.backend == "own":
        lab.say(f'\nA plain `pulumi up` works here too, once this shell knows the backend: eval "$({_make_env(lab)})"')


def logs(lab: Lab, *, follow: bool) -> int:
    """Print the last lines of every container of the stack, or go on printing; return kubectl's worst exit code."""
    record = _recorded(lab)
    cluster = lab.cluster(record)
    if record.cluster == SIMULATED:
        raise RefusedError(f"{SIMULATED_NOTE} There are no logs.")
    if not cluster.running():
        raise RefusedError(f"Stack {lab.stack!r} has no running cluster. Start it with `{lab.command('up')}`.")
    if isinstance(cluster, UnseenCluster):
        raise RefusedError(f"{_unseen(lab)} Ask kubectl for its logs.")
    reader = lab.parts.reader(cluster.kubeconfig, cluster.context)
    namespace = namespace_of(lab.stack)
    found = live.workloads(reader, namespace)
    if not found:
        raise RefusedError(f"Nothing runs in namespace {namespace}. Deploy it with `{lab.command('up')}`.")
    words = ["--all-containers", "--prefix", "--max-log-requests=50", f"--tail={_LINES}"]
    base = [str(cluster.kubectl), "--kubeconfig", str(cluster.kubeconfig), "--namespace", namespace, "logs", *words]
    if cluster.context:
        base[1:1] = ["--context", cluster.context]
    if not follow:
        return max(subprocess.run([*base, f"--selector={one.selector}"], check=False).returncode for one in found)
    running = [subprocess.Popen([*base, "--follow", f"--selector={one.selector}"]) for one in found]
    try:
        return max(process.wait() for process in running)
    finally:
        for process in running:
            with suppress(ProcessLookupError):
                process.terminate()
            process.wait()


def kubeconfig(lab: Lab) -> Path:
    """Return the path of the kubeconfig in use: the config's own, else the recorded cluster's."""
    configured = lab.config().get(f"{PROJECT}:kubeconfig")
    if configured:
        if not isinstance(configured, str) or "\n" in configured:
            raise RefusedError(
                f"{PROJECT}:kubeconfig in Pulumi.{lab.stack}.yaml holds a kubeconfig itself: there is no file to name."
            )
        return Path(configured).expanduser().absolute()
    record = lab.record()
    if record is not None and isinstance(lab.cluster(record), UnseenCluster):
        raise RefusedError(f"{_unseen(lab)} There is no file to name.")
    if record is None or not record.kubeconfig:
        raise RefusedError(f"Stack {lab.stack!r} has no cluster yet. Run `{lab.command('up')}` first.")
    return Path(record.kubeconfig)


def outputs(lab: Lab) -> str:
    """Return the stack's outputs as JSON; secrets stay hidden."""
    record = _recorded(lab)
    lab.tell_simulated(record)
    return json.dumps(dict(lab.engine(record).outputs()), indent=2, sort_keys=True)


def env(lab: Lab) -> str:
    """Return lines for a shell after which a plain `pulumi` works on the stack."""
    record = _recorded(lab)
    engine = lab.engine(record)
    if not isinstance(engine, OfficialEngine):
        raise RefusedError(
            f"Stack {lab.stack!r} is deployed with the lab's own engine: the official CLI has no state of it. To move "
            f"it there: `{lab.command('down')}`, then `{lab.command('up')}` with `pulumi` on PATH."
        )
    return engine.shell()


def _unseen(lab: Lab) -> str:
    return f"The cluster of stack {lab.stack!r} is found by its deployment only, not by this machine's files."


def _recorded(lab: Lab) -> Record:
    record = lab.record()
    if record is None:
        raise RefusedError(f"Stack {lab.stack!r} is not deployed. Run `{lab.command('up')}` first.")
    return record


def _published(cluster: ClusterLike) -> Mapping[str, str]:
    """Return where a kind cluster's Service is reached from this machine, by protocol; nothing for other clusters."""
    ports = getattr(cluster, "ports", None)
    return {"TCP": f"127.0.0.1:{ports.http}", "UDP": f"127.0.0.1:{ports.udp}"} if ports else {}


def _details(lab: Lab, record: Record, cluster: ClusterLike) -> dict[str, str]:
    return {
        "kind": TITLES[record.cluster],
        "instance": lab.instance,
        "kubeconfig": str(cluster.kubeconfig),
        "kubectl": str(cluster.kubectl),
        "namespace": namespace_of(lab.stack),
    }


def _outputs_or_nothing(lab: Lab, record: Record) -> Mapping[str, object]:
    engine = lab.engine(record)
    return dict(engine.outputs()) if record.engine != LAB or engine.has_state() else {}


def _make_env(lab: Lab) -> str:
    return lab.command("env").replace("make", "make -s", 1)
