"""ClusterReset: a plan, and with its token, once, a cluster deleted and made anew by whoever made it."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Required, TypedDict, cast

import pulumi
from pulumi import Input, ResourceHook, ResourceHookArgs

from components._args import ConnectionArgs
from components._commands import REQUEST, commanded
from components._errors import raise_for
from components._hooks import has_unknown, hook, unreached
from components._live import Row, in_thread, mocked
from components._shape import judged, resolve
from components.actions import commanded as program
from components.actions.connection import load_kubeconfig
from components.actions.errors import ActionError
from components.actions.reset import Plan, plan_reset
from components.actions.reset.rendering import lines
from components.actions.reset.running import done_before
from components.model import recovery_args, reset_token
from components.model.problem import UNKNOWN, Problem

_MOST_LINES = 40


class ClusterResetArgs(TypedDict, total=False):
    """Arguments of ClusterReset. Paths are relative to the project's folder."""

    kubeconfig: Required[Input[str]]
    """Path of the kubeconfig, which is read again after the reset; its content never comes into the stack's state."""
    context: Required[Input[str]]
    """Its context that is meant; there is no default."""
    snapshot: Input[str]
    """Path or URL of the snapshot to come back from: `ClusterSnapshot.snapshot`. Without it the plan gives no token."""
    identities: Input[Sequence[Input[str]]]
    """Paths of files with age identities or SSH private keys that open it. The keys themselves never come here."""
    digest: Input[str]
    """The digest that the snapshot has to have: `ClusterSnapshot.digest`."""
    token: Input[str]
    """The token of a plan, by which this cluster is reset, once; without it there is a plan and nothing else."""
    driver: Input[Sequence[Input[str]]]
    """The program, with its arguments, that deletes the cluster and makes it anew. It is run without a shell, with
    KUBECONFIG and RESET_CLUSTER (the UID of the cluster that is meant) in its environment, and `$RESET_CLUSTER` in an
    argument stands for the latter; docs/recovery.md has the drivers that there are. Needed with a token."""
    accept_losses: Input[bool]
    """True: the data that the plan lists may be lost; false by default."""
    accept_rollouts: Input[bool]
    """True: rollouts may be cut short; false by default."""
    accept_changes: Input[bool]
    """True: what has changed since the snapshot may be lost; false by default."""
    max_age_minutes: Input[int]
    """How old the snapshot may be, in minutes; 60 by default."""
    drain_timeout_seconds: Input[int]
    """Seconds for pods to end; 300 by default, 0 ends them by force."""
    ignore_budgets: Input[bool]
    """True: go on when PodDisruptionBudgets hold pods back; false by default."""
    patience_seconds: Input[int]
    """Seconds for the driver, and for the new cluster after it; 1800 by default."""
    journal: Input[str]
    """Path of the file that makes it resumable; `reset-<digest>.journal` by default."""


class ResetPlanArgs(TypedDict, total=False):
    """What a reset means, does and loses."""

    cluster: Required[Input[str]]
    """The cluster: the UID of its kube-system."""
    server: Required[Input[str]]
    """Its address."""
    platform: Required[Input[str]]
    """lab, kind, eks, aks or gke; empty where it is none of these."""
    means: Required[Input[str]]
    """What a reset is there."""
    commands: Required[Input[Sequence[Input[str]]]]
    """The commands that do it."""
    losses: Required[Input[Sequence[Input[str]]]]
    """The data that would be lost."""
    rollouts: Required[Input[Sequence[Input[str]]]]
    """What is being rolled out."""
    refusals: Required[Input[Sequence[Input[str]]]]
    """What stands against it."""
    token: Required[Input[str]]
    """What `token` takes: for this cluster, this snapshot and 15 minutes, good once. It is no secret. Empty while
    something stands against it."""
    expires: Required[Input[str]]
    """When it expires, in UTC."""


class ClusterReset(pulumi.ComponentResource):
    """A plan for the reset of a cluster, and with the plan's token the reset itself: EVERYTHING IN IT IS DELETED.

    1. Without `token` it creates nothing and changes nothing: in every run, previews too, it verifies the snapshot,
       asks the cluster, and prints the plan that `python -m components.actions plan-reset` gives (docs/recovery.md). It
       takes as long as reading the snapshot. A preview that cannot reach the cluster warns; an update fails.
    2. With `token` it creates one `local.Command` of pulumi-command, which does what `… reset` does: checks everything
       again, ends the pods in peace, runs the driver, waits for another cluster. A preview resets nothing, says what
       will be, and refuses what the reset would refuse.
    3. Resets once. A token is for one cluster, one snapshot and 15 minutes, and after the reset the cluster is another
       one: another run, a lost state, a new stack, a replacement, a renewed kubeconfig cannot reset again. The token
       may stay in the configuration; take it out to plan again.
    4. Refuses, before anything is registered: the content of a kubeconfig, a key in the place of a path, a missing
       context, a token without snapshot and driver. Before anything is changed: all that stands against the plan, a
       token that is none, expired, used, or of another cluster or snapshot.
    5. A reset that was killed or that failed goes on in the next `pulumi up`: a journal in the project's folder has its
       steps, also after the token has expired. One that came to its end while Pulumi was killed is taken note of. The
       driver's output goes to a file beside the journal that only its owner reads.
    6. It belongs in a stack of its own, with its snapshot and its restore: objects of the cluster that were in the same
       stack are gone afterwards, and their state does not know it.
    7. Leaves behind on delete: everything. A destroy, and taking the token out, run nothing.
    """

    plan: pulumi.Output[ResetPlanArgs]
    """The plan; empty with a token."""
    old_cluster: pulumi.Output[str]
    """The cluster that was reset: the UID of its kube-system. Without a token the one that is there."""
    new_cluster: pulumi.Output[str]
    """The cluster that was made in its place; empty without a token."""
    connection: pulumi.Output[ConnectionArgs]
    """The connection to the cluster as it is after the reset, read anew from the file; a secret."""

    def __init__(self, name: str, args: ClusterResetArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raise InvalidArgs for arguments that cannot work, else plan, or register the command."""
        raise_for("ClusterReset", name, _problems(args))
        super().__init__("kubernetes-emerging:index:ClusterReset", name, {}, opts)
        if args.get("token") is None:
            asked: pulumi.Output[Any] = pulumi.Output.from_input(dict(args))
            found: pulumi.Output[Any] = asked.apply(self._plan)
            self.plan = found
            self.old_cluster = found.apply(lambda plan: str(plan.get("cluster", "")))
            self.new_cluster = pulumi.Output.from_input("")
            meant = self.old_cluster
        else:
            checked = _foreseen(name, args)
            done = commanded(name, "reset", args, self, checked)
            self.plan = pulumi.Output.from_input(cast(Any, {}))
            self.old_cluster = done.apply(lambda receipt: str(receipt.get("old", "")))
            self.new_cluster = done.apply(lambda receipt: str(receipt.get("new", "")))
            meant = self.new_cluster
        given: pulumi.Output[Any] = pulumi.Output.all(args["kubeconfig"], args["context"], meant).apply(_connection)
        self.connection = pulumi.Output.secret(given)
        self.register_outputs(
            {
                "plan": self.plan,
                "oldCluster": self.old_cluster,
                "newCluster": self.new_cluster,
                "connection": self.connection,
            }
        )

    async def _plan(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        raise_for("ClusterReset", self._name, _problems(asked))
        if mocked():
            return {}
        row = Row(self.urn)
        plan = None
        try:
            with unreached(row, "plan a reset"):
                plan = await in_thread(_planned, asked, at_exit="end")
        except (ActionError, ValueError) as problem:
            raise pulumi.RunError(str(problem)) from None
        if plan is None:
            return {}
        row.info(_told(plan))
        told = plan.to_json()
        return {field: told[field] for field in ResetPlanArgs.__annotations__}


def _planned(asked: Mapping[str, Any]) -> Plan:
    archive = program.opened(asked) if asked.get("snapshot") else None
    with load_kubeconfig(asked["kubeconfig"], asked["context"]).client() as client:
        return plan_reset(
            client, archive, now=datetime.now(UTC), accepted=program.accepted(asked), oldest=program.max_age(asked)
        )


def _told(plan: Plan) -> str:
    told = list(lines(plan))
    if len(told) <= _MOST_LINES:
        return "\n".join(told)
    # The end has what stands against it, and the token.
    left = len(told) - _MOST_LINES
    return "\n".join([*told[: _MOST_LINES - 10], f"({left} more lines: `plan-reset` prints all of them)", *told[-10:]])


def _foreseen(name: str, args: Any) -> ResourceHook:
    """Return the hook that checks late arguments, and by which a preview says what the reset will do or refuse."""

    async def before(given: ResourceHookArgs) -> None:
        asked = await resolve(dict(args))
        raise_for("ClusterReset", name, [*_problems(asked), *_no_token(asked)])
        if not pulumi.runtime.is_dry_run() or has_unknown(asked) or mocked():
            return
        old = await resolve(given.old_outputs or {})
        if old and _token_of(old) == asked["token"]:
            return
        row = Row(given.urn)
        try:
            told = await in_thread(_what_will_be, asked, at_exit="end")
        except (ActionError, ValueError) as problem:
            raise pulumi.RunError(str(problem)) from None
        row.warn(told)

    return hook(f"ClusterReset-{name}", before)


def _no_token(asked: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with a token that comes as a value of the deployment, and is none then."""
    what = "it is null, which shows too late"
    return [Problem("token", what, "leave it out to plan")] if asked.get("token") is None else []


def _token_of(outputs: Mapping[str, Any]) -> str:
    """Return the token of the reset that was done."""
    environment = outputs.get("environment")
    text = environment.get(REQUEST) if isinstance(environment, Mapping) else None
    return "" if text in (None, UNKNOWN) else str(json.loads(str(text)).get("token", ""))


def _what_will_be(asked: Mapping[str, Any]) -> str:
    """Return what the reset will do. Raises `ActionError` for what it would refuse."""
    archive = program.opened(asked)
    if (journal := program.reset_journal(asked, archive)).exists():
        return f"this update goes on with the reset that {journal} tells of"
    if made := done_before(journal, asked["token"]):
        return f"the reset with this token was done, and made the cluster {made}: this update takes note of it"
    plan = _planned(asked)
    facts = plan.facts
    bad = reset_token.wrong(
        asked["token"], facts.cluster, facts.server, facts.platform, archive.digest, datetime.now(UTC)
    )
    if problems := [*filter(None, [bad]), *plan.refusals]:
        raise ActionError("the cluster would not be touched:\n" + "\n".join(f"  {each}" for each in problems))
    return f"this update RESETS THE CLUSTER {facts.cluster} ({facts.server}): {plan.means.text}"


def _connection(values: Sequence[Any]) -> dict[str, Any]:
    path, context, cluster = values
    if mocked():
        return {"kubeconfig": str(path), "context": context}
    try:
        read = load_kubeconfig(path, context)
    except ValueError as problem:
        raise pulumi.RunError(str(problem)) from None
    return {"kubeconfig": read.kubeconfig, "context": context, **({"cluster_id": cluster} if cluster else {})}


def _problems(args: Any) -> list[Problem]:
    shape, known = judged(args, ClusterResetArgs)
    return [*shape, *recovery_args.reset_problems(known)]
