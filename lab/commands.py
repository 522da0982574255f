"""The launcher's commands: what each does, in which order, and what it leaves behind when it is stopped.

1. `up` makes and starts the stack's own cluster where it does not run, records it, and runs the engine.
2. `preview` needs a running cluster, and changes nothing.
3. `down` removes the stack through the engine where the cluster answers, then the cluster, then the stack's own
   files; the record goes last, so that a killed `down` is finished by the next one.
4. Every command can be stopped at any moment and run again.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from lab import live, report
from lab.errors import LabError, RefusedError
from lab.lock import holder, locked
from lab.naming import DEFAULT_STACK, PROJECT, instance_of, namespace_of
from lab.parts import ClusterLike, EngineLike, Parts, RealParts, SummaryLike
from lab.paths import project_root, stack_dir
from lab.progress import Progress, best_progress
from lab.record import Record, forget_record, read_record, write_record
from lab.stackfile import read_config, stack_file

Command = Callable[["Lab"], None]

# Values of the config key `cluster` that mean "the cluster that the lab makes".
_OWN_CLUSTER = ("", "auto")


_WHICH_ENGINE = "Deploying with the lab's own engine; the official Pulumi CLI has no part in it."


@dataclass
class Lab:
    """One stack of one project, and the parts to work on it."""

    stack: str = DEFAULT_STACK
    root: Path = field(default_factory=project_root)
    parts: Parts = field(default_factory=RealParts)
    progress: Progress = field(default_factory=best_progress)
    console: Console = field(default_factory=lambda: Console(highlight=False))

    @property
    def dir(self) -> Path:
        """The stack's folder in `.lab/`."""
        return stack_dir(self.stack, self.root)

    @property
    def state(self) -> Path:
        """Where the engine keeps the stack's state."""
        return self.dir / "state"

    @property
    def instance(self) -> str:
        """The name of the stack's cluster instance: the recorded one where this folder was moved, not copied."""
        own, record = instance_of(self.root, self.stack), read_record(self.dir)
        if record is None or record.name == own:
            return own
        elsewhere = read_record(stack_dir(self.stack, Path(record.root)))
        return own if elsewhere and elsewhere.name == record.name and record.root != str(self.root) else record.name

    def cluster(self) -> ClusterLike:
        """Return the stack's cluster instance, whether it exists or not."""
        return self.parts.cluster(self.instance)

    def engine(self) -> EngineLike:
        """Return the engine on this stack."""
        return self.parts.engine(self.root, self.stack, self.state)

    def say(self, text: str) -> None:
        """Print a sentence for people, which the terminal may wrap and nobody else does."""
        self.console.print(text, soft_wrap=True, markup=False)

    def command(self, name: str) -> str:
        """Return the command line that a person types for a command on this stack."""
        return f"make {name}" if self.stack == DEFAULT_STACK else f"make {name} STACK={self.stack}"


def up(lab: Lab) -> None:
    """Set everything up, deploy, and say what runs, where, and what to try next."""
    _need_own_cluster(lab)
    with locked(lab.dir, lab.command("up")):
        cluster = lab.cluster()
        if not cluster.running():
            _need_host(lab)
            lab.parts.build(lab.progress)
        cluster.start(lab.progress)  # also when it runs: a start that was killed half way is finished
        _record(lab, cluster)
        lab.progress.note(_WHICH_ENGINE)
        summary = _whole(lab.engine().up())
        if not summary.ok:
            raise LabError(f"The deployment failed (the reason is above). Mend it and run `{lab.command('up')}` again.")
    if not summary.changes:
        lab.say("No changes: what runs is what the program and its config say.")
    _show(lab, cluster)


def preview(lab: Lab) -> None:
    """Say what `up` would change."""
    _need_own_cluster(lab)
    cluster = lab.cluster()
    if not cluster.running():
        raise RefusedError(
            f"Stack {lab.stack!r} has no running cluster to compare with. Run `{lab.command('up')}` first."
        )
    record, identity = read_record(lab.dir), cluster.identity()
    if record is None or identity is None or record.cluster_id != identity.cluster_id:
        raise RefusedError(f"The last `{lab.command('up')}` did not reach its end. Run it again first.")
    with locked(lab.dir, lab.command("preview")):
        lab.progress.note(_WHICH_ENGINE)
        summary = _whole(lab.engine().preview())
    if not summary.ok:
        raise LabError("The preview found errors (they are above): `up` would fail too. Nothing was changed.")


def status(lab: Lab) -> None:
    """Say what runs and how to reach it; a stopped or missing cluster is an answer, not an error."""
    busy = holder(lab.dir)
    if busy:
        lab.say(f"`{busy.command}` is at work on this stack since {busy.since} (process {busy.pid}).\n")
    record = read_record(lab.dir)
    if not record:
        _need_own_cluster(lab)
    cluster = lab.cluster()
    if not cluster.running():
        known = "stopped" if record else "none"
        hint = f"start it again, with what is in it, with `{lab.command('up')}`" if record else "nothing runs"
        lab.console.print(report.cluster_table(f"{known}: {hint}", {}, [], []))
        if not record:
            lab.say(f"\nBring the lab up with `{lab.command('up')}`.")
        return
    reader = lab.parts.reader(cluster.kubeconfig, cluster.context)
    try:
        version = reader.get("/version")["gitVersion"]
        nodes = live.nodes(reader)
        system = live.workloads(reader, "kube-system")
    except LabError as error:
        lab.console.print(report.cluster_table(f"runs, but {error}", _details(lab, cluster), [], []))
        raise LabError(f"Run `{lab.command('up')}`, or begin anew with `{lab.command('down')}`.") from error
    lab.console.print(report.cluster_table(f"running, Kubernetes {version}", _details(lab, cluster), nodes, system))
    lab.console.print()
    _show(lab, cluster)


def down(lab: Lab, *, yes: bool, ask: Callable[[str], bool] | None) -> None:
    """Remove the stack and the cluster that `make up` made for it.

    On any stack but the default one `ask` is put the question first, unless `yes`; without anybody to ask
    (`ask` is None) the command is refused.
    """
    if read_record(lab.dir) is None and not lab.state.exists() and not lab.cluster().running():
        _need_own_cluster(lab)
    question = f"Remove stack {lab.stack!r} with everything in it, and its cluster?"
    if lab.stack != DEFAULT_STACK and not yes:
        if ask is None:
            raise RefusedError(f"{question} There is nobody to ask: say YES=1 (or --yes) if so. Nothing was changed.")
        if not ask(question):
            raise RefusedError("Nothing was changed.")
    with locked(lab.dir, lab.command("down")):
        cluster, record = lab.cluster(), read_record(lab.dir)
        if cluster.running() and _answers(lab, cluster):
            _destroy(lab, cluster, record)
        elif lab.state.exists():
            lab.progress.note("The cluster does not answer: what was in it goes with it.")
        with lab.progress.step("removing the cluster"):
            cluster.delete()
        shutil.rmtree(lab.state, ignore_errors=True)
        forget_record(lab.dir)
        shutil.rmtree(lab.dir, ignore_errors=True)
    _remove_if_empty(lab.dir.parent)
    lab.say(f"Stack {lab.stack!r} and its cluster are gone. What was built stays in the cache for the next time.")


def kubeconfig(lab: Lab) -> Path:
    """Return the path of the kubeconfig in use: the config's own, else the lab's cluster's."""
    configured = _config(lab).get(f"{PROJECT}:kubeconfig")
    if configured:
        if "\n" in str(configured):
            raise RefusedError(
                f"{PROJECT}:kubeconfig in Pulumi.{lab.stack}.yaml holds a kubeconfig itself: there is no file to name."
            )
        return Path(str(configured)).expanduser().absolute()
    record = read_record(lab.dir)
    if record is None:
        raise RefusedError(f"Stack {lab.stack!r} has no cluster yet. Run `{lab.command('up')}` first.")
    return Path(record.kubeconfig)


def outputs(lab: Lab) -> str:
    """Return the stack's outputs as JSON; secrets stay hidden."""
    if read_record(lab.dir) is None:
        raise RefusedError(f"Stack {lab.stack!r} is not deployed. Run `{lab.command('up')}` first.")
    return json.dumps(dict(lab.engine().outputs()), indent=2, sort_keys=True)


def _config(lab: Lab) -> dict[str, object]:
    return read_config(stack_file(lab.root, lab.stack), PROJECT)


def _need_own_cluster(lab: Lab) -> None:
    config = _config(lab)
    foreign = [name for name in ("kubeconfig", "context") if config.get(f"{PROJECT}:{name}")]
    if str(config.get(f"{PROJECT}:cluster") or "") not in _OWN_CLUSTER:
        foreign.append("cluster")
    if not foreign:
        return
    named = " and ".join(f"`{PROJECT}:{name}`" for name in foreign)
    raise RefusedError(
        f"Pulumi.{lab.stack}.yaml names a cluster that the lab did not make ({named}). The lab's own engine works on "
        "its own clusters only; any other cluster needs the official Pulumi CLI:\n"
        "  install it       https://www.pulumi.com/docs/install/\n"
        "  choose a backend `pulumi login`, or `pulumi login --local`\n"
        f"  deploy           `pulumi up --stack {lab.stack}`\n"
        "Or remove those keys from the file to deploy to the lab's own cluster."
    )


def _need_host(lab: Lab) -> None:
    problems = lab.parts.host_problems()
    if problems:
        lines = [f"  - {problem.what}\n    {problem.remedy}" for problem in problems]
        raise RefusedError("This machine lacks something that the lab's node needs:\n" + "\n".join(lines))


def _record(lab: Lab, cluster: ClusterLike) -> None:
    """Write down which cluster this is; state of a cluster that is no more tells nothing about this one."""
    identity = cluster.identity()
    if identity is None:
        raise LabError(f"The cluster runs but is not whole. Run `{lab.command('down')}`, then `{lab.command('up')}`.")
    before = read_record(lab.dir)
    if before and before.cluster_id != identity.cluster_id and lab.state.exists():
        lab.progress.note("The stack's earlier cluster is gone: this is a new one, and it begins empty.")
        shutil.rmtree(lab.state)
    record = Record(
        name=lab.instance,
        root=str(lab.root),
        kubeconfig=str(cluster.kubeconfig.absolute()),
        context=cluster.context,
        cluster_id=identity.cluster_id,
    )
    write_record(lab.dir, record)


def _whole(summary: SummaryLike) -> SummaryLike:
    """Return the summary of a run that was let run; one that was stopped by a signal is an interruption."""
    if summary.cancelled:
        raise KeyboardInterrupt
    return summary


def _answers(lab: Lab, cluster: ClusterLike) -> bool:
    try:
        lab.parts.reader(cluster.kubeconfig, cluster.context).get("/version")
    except LabError:
        return False
    return True


def _destroy(lab: Lab, cluster: ClusterLike, record: Record | None) -> None:
    identity = cluster.identity()
    if not lab.state.exists() or record is None or identity is None or record.cluster_id != identity.cluster_id:
        return
    if not _whole(lab.engine().destroy()).ok:
        raise LabError(
            "The stack could not be removed (the reason is above), so its cluster stays. "
            f"Mend it and run `{lab.command('down')}` again."
        )


def _details(lab: Lab, cluster: ClusterLike) -> dict[str, str]:
    return {
        "instance": lab.instance,
        "kubeconfig": str(cluster.kubeconfig),
        "kubectl": str(cluster.kubectl),
        "namespace": namespace_of(lab.stack),
    }


def _show(lab: Lab, cluster: ClusterLike) -> None:
    namespace = str(_outputs_or_nothing(lab).get("namespace") or namespace_of(lab.stack))
    reader = lab.parts.reader(cluster.kubeconfig, cluster.context)
    workloads, services = live.workloads(reader, namespace), live.services(reader, namespace)
    if not workloads and not services:
        lab.say(f"Nothing runs in namespace {namespace}. Deploy it with `{lab.command('up')}`.")
        return
    lab.console.print()
    lab.console.print(report.workload_table(workloads, services))
    access = report.Access(cluster.kubectl, cluster.kubeconfig, namespace, lab.stack)
    report.print_steps(lab.console, report.next_steps(access, workloads, services))


def _outputs_or_nothing(lab: Lab) -> dict[str, object]:
    return dict(lab.engine().outputs()) if lab.state.exists() else {}


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
