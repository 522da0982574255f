"""The commands that deploy and take down: what each does, in which order, and what it leaves when it is stopped.

1. `up` chooses engine and cluster at its first run and records them, makes and starts a cluster of the lab's own where
   it does not run, and deploys.
2. `preview` and `refresh` need a running cluster; preview changes nothing, refresh changes the stack's state only.
3. `down` removes the stack where the cluster answers, then the cluster if `up` made it, then the stack's own files; the
   record goes last, so that a killed `down` is finished by the next one.
4. Every command can be stopped at any moment and run again.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from lab import ways
from lab.errors import LabError, RefusedError
from lab.given import UnseenCluster
from lab.lock import locked
from lab.naming import DEFAULT_STACK
from lab.parts import ClusterLike, EngineLike, SummaryLike
from lab.paths import cache_root
from lab.record import Record, forget_record
from lab.stack import Lab
from lab.views import show
from lab.ways import GIVEN, OWN_CLUSTERS, PULUMI, TITLES

Command = Callable[[Lab], None]


def up(lab: Lab) -> None:
    """Set everything up, deploy, and say what runs, where, and what to try next."""
    with locked(lab.dir, lab.command("up")):
        known = lab.record() is not None
        record = lab.choose()
        cluster = lab.cluster(record)
        if known and record.cluster != GIVEN and not cluster.running():
            _need_host(lab, record)
        cluster.start(lab.progress)  # also when it runs: a start that was killed half way is finished
        record = _recognise(lab, record, cluster)
        lab.tell(record)
        summary = _whole(lab.engine(record).up())
        if not summary.ok:
            raise LabError(f"The deployment failed (the reason is above). Mend it and run `{lab.command('up')}` again.")
    if not summary.changes:
        lab.say("No changes: what runs is what the program and its config say.")
    show(lab, record, cluster)


def preview(lab: Lab) -> None:
    """Say what `up` would change."""
    record = _deployed(lab, "compare with")
    with locked(lab.dir, lab.command("preview")):
        lab.tell(record)
        summary = _whole(lab.engine(record).preview())
    if not summary.ok:
        raise LabError("The preview found errors (they are above): `up` would fail too. Nothing was changed.")


def refresh(lab: Lab) -> None:
    """Bring the stack's state in line with what is in the cluster."""
    record = _deployed(lab, "read")
    with locked(lab.dir, lab.command("refresh")):
        lab.tell(record)
        summary = _whole(lab.engine(record).refresh())
    if not summary.ok:
        raise LabError("The refresh did not reach its end (the reason is above). The cluster was not changed.")


def down(lab: Lab, *, yes: bool, ask: Callable[[str], bool] | None) -> None:
    """Remove the stack and the cluster that `make up` made for it; a cluster of somebody else's stays.

    On any stack but the default one `ask` is put the question first, unless `yes`; without anybody to ask
    (`ask` is None) the command is refused.
    """
    record = lab.record()
    if record is None:
        wish = lab.wish()
        if wish.cluster == GIVEN and not lab.state.exists():
            # Nothing was ever deployed from here: the reason why it cannot be is more use than "gone".
            ways.engine_for(wish, GIVEN, None, lab.parts.pulumi(lab.root), {})
    given = record is not None and record.cluster == GIVEN
    question = f"Remove stack {lab.stack!r} with everything in it{'' if given else ', and its cluster'}?"
    if lab.stack != DEFAULT_STACK and not yes:
        if ask is None:
            raise RefusedError(f"{question} There is nobody to ask: say YES=1 (or --yes) if so. Nothing was changed.")
        if not ask(question):
            raise RefusedError("Nothing was changed.")
    with locked(lab.dir, lab.command("down")):
        if record is not None:
            _remove_stack(lab, record)
        with lab.progress.step("removing the cluster" if not given else "leaving the cluster, which is not the lab's"):
            for cluster in _own_clusters(lab, record):
                cluster.delete()
        shutil.rmtree(lab.state, ignore_errors=True)
        forget_record(lab.dir)
        shutil.rmtree(lab.dir, ignore_errors=True)
    _remove_if_empty(lab.dir.parent)
    if given:
        lab.say(f"Stack {lab.stack!r} is gone; its cluster, which the lab did not make, stays.")
    else:
        lab.say(f"Stack {lab.stack!r} and its cluster are gone. What was built stays in the cache for the next time.")


def clean(lab: Lab, *, cache: bool) -> None:
    """Look that no stack of this project is up, before its environment is removed; with `cache`, empty the build cache.

    `RefusedError` names the stacks that are up, or the clusters of other checkouts that the cache belongs to.
    """
    stacks = sorted(path.parent.name for path in lab.dir.parent.glob("*/record.json"))
    if stacks:
        commands = "\n".join(f"  make down STACK={stack}" for stack in stacks)
        raise RefusedError(f"Stacks of this project are up. Take them down first:\n{commands}")
    shutil.rmtree(lab.dir.parent, ignore_errors=True)
    if not cache:
        return
    folder = cache_root()
    others = sorted(
        path.name
        for kind in ("clusters", "kind", "simulated")
        for path in folder.glob(f"{kind}/[!.]*")
        if path.is_dir()
    )
    if others:
        raise RefusedError(f"The cache stays: clusters of other checkouts use it ({', '.join(others)}).")
    shutil.rmtree(folder, ignore_errors=True)
    lab.say(f"{folder} is empty: the next `make up` builds everything again.")


def _deployed(lab: Lab, what_for: str) -> Record:
    """Return the record of a stack whose cluster runs and is the recorded one. `RefusedError` says what else is."""
    record = lab.record()
    if record is None:
        wish = lab.wish()
        if wish.cluster == GIVEN:
            return _given(lab)
        raise RefusedError(
            f"Stack {lab.stack!r} has no running cluster to {what_for}. Run `{lab.command('up')}` first."
        )
    record = lab.choose()
    cluster = lab.cluster(record)
    if not cluster.running():
        raise RefusedError(
            f"Stack {lab.stack!r} has no running cluster to {what_for}. Run `{lab.command('up')}` first."
            if record.cluster != GIVEN
            else f"The cluster of stack {lab.stack!r} does not answer ({record.kubeconfig})."
        )
    identity = cluster.identity()
    if record.cluster != GIVEN and (identity is None or record.cluster_id != identity.cluster_id):
        raise RefusedError(f"The last `{lab.command('up')}` did not reach its end. Run it again first.")
    _need_same(lab, record, cluster)
    return record


def _given(lab: Lab) -> Record:
    """Return the record of a stack that is previewed before its first `up` on a cluster of somebody else's."""
    record = lab.choose(write=False)
    lab.cluster(record).start(lab.progress)
    return record


def _need_host(lab: Lab, record: Record) -> None:
    problems = lab.parts.host_problems(record.cluster, record.minor)
    if problems:
        lines = [f"  - {problem.what}\n    {problem.remedy}" for problem in problems]
        raise RefusedError(f"This machine lacks something that {TITLES[record.cluster]} needs:\n" + "\n".join(lines))


def _recognise(lab: Lab, record: Record, cluster: ClusterLike) -> Record:
    """Write down which cluster this is; state of an own cluster that is no more tells nothing about this one."""
    identity = cluster.identity()
    if identity is None:
        raise LabError(f"The cluster runs but is not whole. Run `{lab.command('down')}`, then `{lab.command('up')}`.")
    _need_same(lab, record, cluster)
    if record.cluster != GIVEN and record.cluster_id and record.cluster_id != identity.cluster_id:
        engine = lab.engine(record)
        if engine.has_state():
            lab.progress.note("The stack's earlier cluster is gone: this is a new one, and it begins empty.")
            engine.forget()
    return lab.write(record, identity.cluster_id)


def _need_same(lab: Lab, record: Record, cluster: ClusterLike) -> None:
    """Refuse a cluster of somebody else's that is not the one of the first `up`."""
    if record.cluster != GIVEN or not record.cluster_id:
        return
    identity = cluster.identity()
    if identity and identity.cluster_id and identity.cluster_id != record.cluster_id:
        raise RefusedError(
            f"The kubeconfig of stack {lab.stack!r} leads to another cluster than at its first `up`: kube-system has "
            f"UID {identity.cluster_id}, it was {record.cluster_id}. Name the first one again, or take the stack down "
            f"there; if it is gone for good, remove .lab/{lab.stack}/record.json."
        )


def _whole(summary: SummaryLike) -> SummaryLike:
    """Return the summary of a run that was let run; one that was stopped by a signal is an interruption."""
    if summary.cancelled:
        raise KeyboardInterrupt
    return summary


def _remove_stack(lab: Lab, record: Record) -> None:
    """Remove what the stack made, and its state; without its engine an own cluster takes it all along."""
    cluster = lab.cluster(record)
    if record.engine == PULUMI and record.cluster != GIVEN and lab.parts.pulumi(lab.root) is None:
        if record.backend != "own":
            lab.engine(record)  # says that the CLI is missing: the user's backend would keep a stack that is gone
        lab.progress.note("The official CLI is not on PATH any more: what was deployed goes with the cluster.")
        lab.own_backend().forget()
        return
    engine = lab.engine(record)
    if not engine.has_state():
        return
    if cluster.running() and _answers(lab, cluster):
        identity = cluster.identity()
        if record.cluster == GIVEN or (identity and record.cluster_id and identity.cluster_id == record.cluster_id):
            _need_same(lab, record, cluster)
            _destroy(lab, engine)
    elif record.cluster == GIVEN:
        raise LabError(
            f"The cluster of stack {lab.stack!r} does not answer, so what is in it cannot be removed. If it is gone "
            f"for good: `pulumi stack rm --force --stack {lab.stack}`, and remove .lab/{lab.stack}."
        )
    else:
        lab.progress.note("The cluster does not answer: what was in it goes with it.")
    engine.forget()


def _own_clusters(lab: Lab, record: Record | None) -> list[ClusterLike]:
    """Return the clusters that `up` made for the stack; without a record, whatever runs under the stack's name."""
    if record is not None:
        return [lab.cluster(record)] if record.cluster != GIVEN else []
    return [lab.parts.cluster(kind, lab.instance, "") for kind in OWN_CLUSTERS]


def _answers(lab: Lab, cluster: ClusterLike) -> bool:
    if isinstance(cluster, UnseenCluster):
        return True
    try:
        lab.parts.reader(cluster.kubeconfig, cluster.context).get("/version")
    except LabError:
        return False
    return True


def _destroy(lab: Lab, engine: EngineLike) -> None:
    if not _whole(engine.destroy()).ok:
        raise LabError(
            "The stack could not be removed (the reason is above), so its cluster stays. "
            f"Mend it and run `{lab.command('down')}` again."
        )


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
