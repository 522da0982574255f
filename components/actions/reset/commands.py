"""`plan-reset` and `reset` on the command line."""

import json
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from components.actions.errors import ActionError
from components.actions.options import AsJson, Kubeconfig, connected
from components.actions.reset.planning import Accepted, plan_reset
from components.actions.reset.rendering import lines
from components.actions.reset.running import Target, reset
from components.actions.snapshot.commands import Digest, Identity, identities
from components.actions.snapshot.reading import verify

TheContext = Annotated[str, typer.Option("--context", help="The context; here the current one is no default.")]
TheSnapshot = Annotated[str, typer.Option("--snapshot", help="Path or URL of the snapshot to come back from.")]
Losses = Annotated[bool, typer.Option("--accept-losses", help="The data that the plan lists may be lost.")]
Rollouts = Annotated[bool, typer.Option("--accept-rollouts", help="Rollouts may be cut short.")]
Changes = Annotated[bool, typer.Option("--accept-changes", help="What has changed since the snapshot may be lost.")]
MaxAge = Annotated[float, typer.Option("--max-age", min=0, help="How old the snapshot may be, in minutes.")]


def plan_reset_command(
    kubeconfig: Kubeconfig,
    context: TheContext,
    *,
    snapshot: TheSnapshot = "",
    identity: Identity = None,
    digest: Digest = "",
    accept_losses: Losses = False,
    accept_rollouts: Rollouts = False,
    accept_changes: Changes = False,
    max_age: MaxAge = 60.0,
    as_json: AsJson = False,
) -> None:
    """Tell what a reset of this cluster means, which commands do it, what is lost, and what stands against it.

    Reads only, on every platform. Exit code 0: nothing stands against it, and a token is printed, for this cluster,
    this snapshot and 15 minutes, good once. Exit code 1: something does, and there is no token. On EKS, AKS and GKE the
    plan and the commands are all there is.
    """
    archive = verify(snapshot, identities(identity), digest=digest) if snapshot else None
    accepted = Accepted(accept_losses, accept_rollouts, accept_changes)
    with connected(kubeconfig, context) as client:
        plan = plan_reset(client, archive, now=datetime.now(UTC), accepted=accepted, oldest=timedelta(minutes=max_age))
    typer.echo(json.dumps(plan.to_json(), indent=2) if as_json else "\n".join(lines(plan)))
    if not plan.token:
        raise typer.Exit(1)


def reset_command(
    kubeconfig: Kubeconfig,
    context: TheContext,
    *,
    snapshot: TheSnapshot,
    token: Annotated[str, typer.Option(help="What plan-reset printed.")],
    driver: Annotated[str, typer.Option(help="The program, with its arguments, that deletes and makes the cluster.")],
    identity: Identity = None,
    digest: Digest = "",
    accept_losses: Losses = False,
    accept_rollouts: Rollouts = False,
    accept_changes: Changes = False,
    max_age: MaxAge = 60.0,
    journal: Annotated[Path | None, typer.Option(help="The file that makes it resumable; here by default.")] = None,
    drain_timeout: Annotated[float, typer.Option(min=0, help="Seconds for pods to end; 0 ends them by force.")] = 300.0,
    ignore_budgets: Annotated[bool, typer.Option(help="Go on when PodDisruptionBudgets hold pods back.")] = False,
    patience: Annotated[float, typer.Option(min=1, help="Seconds for the driver, and for the new cluster.")] = 1800.0,
    as_json: AsJson = False,
) -> None:
    """Reset a cluster: check the plan again, end its pods, and run the driver of whoever made it.

    EVERYTHING IN THE CLUSTER IS DELETED; what comes back is what `restore` brings back afterwards, and volume data is
    not. The driver is run without a shell, with KUBECONFIG and RESET_CLUSTER (the UID of the cluster that is meant).
    After a kill the same command goes on. Exit code 0: another cluster answers; 2: not, and why.
    """
    argv = shlex.split(driver)
    if not argv:
        raise ActionError("--driver names no program: write what deletes the cluster and makes it anew")
    archive = verify(snapshot, identities(identity), digest=digest)
    new = reset(
        Target(kubeconfig, context),
        archive,
        token,
        argv,
        journal or Path(f"reset-{archive.digest[:12]}.journal"),
        now=datetime.now(UTC),
        accepted=Accepted(accept_losses, accept_rollouts, accept_changes),
        oldest=timedelta(minutes=max_age),
        drain_timeout=drain_timeout,
        ignore_budgets=ignore_budgets,
        patience=patience,
        say=lambda line: typer.echo(line, err=True),
    )
    old = archive.manifest.cluster
    then = f"python -m components.actions restore {snapshot} --from-cluster {old} --on-conflict skip"
    told = f"the cluster {old} is no more; {new} answers. Bring it back:\n  {then}"
    typer.echo(json.dumps({"old": old, "new": new, "next": then}) if as_json else told)
