"""The plan: what a desired workload would mean for the live one, per container and resource. Changes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from components.actions.client import Client, Json
from components.actions.errors import ApiError
from components.actions.parallel import at_once
from components.actions.resize import stranded
from components.actions.resize.autoscalers import shifts, updating
from components.actions.resize.budget import no_restart
from components.actions.resize.journal import read_journal
from components.actions.resize.kinds import Kind, argument, kind_of, workload_path
from components.actions.resize.live import gather
from components.actions.resize.pods import mutations, pod_sizes, resize_patch, resize_path
from components.actions.resize.resources import Resources, same
from components.actions.resize.templates import digest, equal_ignoring_hash, sizes
from components.actions.resize.verdict import (
    Facts,
    Verdict,
    active_replica_sets,
    current_pods,
    drift,
    obstacles,
    verdicts,
)
from components.actions.simulated import NOTE


@dataclass(frozen=True)
class Plan:
    """What a change of sizes would do, and why.

    `outcome`: `unchanged` (the template already says so), `in-place` (running pods are resized, some
    containers may restart by their own resizePolicy), `rollout` (new pods; `reasons` say why) or `refused`
    (neither can work now). `verdicts` has one entry per changed resource; they are judged one by one, so a
    single rollout or an entry in `reasons` makes the whole a rollout. `notes` is what else there is to know, such as
    what an autoscaler makes of it. `drift` names pods that differ from the live template. `old` and `new` are the
    written resources of the changed containers. `simulated` tells that the pods only say what they do (see
    `components.actions.simulated`), which every line about them repeats; `empty` that there are no pods, and
    `judged` is false where the live object is not the one that was meant. `template` is the digest of the live template
    without its sizes.
    """

    namespace: str
    name: str
    uid: str
    outcome: Literal["unchanged", "in-place", "rollout", "refused"]
    verdicts: list[Verdict] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    drift: list[str] = field(default_factory=list)
    replica_set: str = ""
    old: dict[str, Resources] = field(default_factory=dict)
    new: dict[str, Resources] = field(default_factory=dict)
    simulated: bool = False
    notes: list[str] = field(default_factory=list)
    empty: bool = False
    judged: bool = True
    kind: Kind = "Deployment"
    template: str = ""

    @property
    def spares_pods(self) -> bool:
        """Tell whether nothing that runs is ended for the sake of a size: what `in_place: required` asks for."""
        if self.outcome == "refused" or not self.judged:
            return False
        in_place = self.outcome == "in-place" and all(verdict.outcome == "in-place" for verdict in self.verdicts)
        return in_place or self.empty or not self.verdicts

    def lines(self) -> list[str]:
        """Describe the plan for people: the outcome first, then each resource, then pods that drifted."""
        words = {
            "unchanged": "no size changes",
            "in-place": "running pods are resized in place",
            "rollout": "new pods are rolled out",
            "refused": "refused",
        }
        note = f" ({NOTE})" if self.simulated and self.outcome in {"in-place", "rollout"} else ""
        lines = [f"{self.kind} {self.namespace}/{self.name}: {words[self.outcome]}{note}"]
        lines += [f"because {reason}" for reason in self.reasons]
        lines += [verdict.text(rolls=self.outcome == "rollout") for verdict in self.verdicts]
        lines += [f"note: {text}" for text in self.notes]
        return lines + [f"drift: {text}" for text in self.drift]

    def to_json(self) -> Json:
        """Return the plan as JSON-ready values for CI."""
        return {
            "kind": self.kind,
            "namespace": self.namespace,
            "name": self.name,
            "uid": self.uid,
            "outcome": self.outcome,
            "reasons": self.reasons,
            "verdicts": [vars(verdict) for verdict in self.verdicts],
            "notes": self.notes,
            "drift": self.drift,
            "simulated": self.simulated,
        }


def plan(client: Client, desired: Json, uid: str | None = None) -> Plan:
    """Compare a desired Deployment or StatefulSet manifest (camelCase) with the live one and judge the change.

    `uid` is the UID that the live object must have, None for any. Reads, dry runs and access reviews only.
    Raises `ApiError` and `ConnectionProblem` for what the cluster does not answer, `ValueError` for another kind.
    """
    metadata = desired["metadata"]
    namespace, name, kind = metadata.get("namespace") or "default", metadata["name"], kind_of(desired)
    live = client.find(workload_path(kind, namespace, name))
    if live is None:
        return Plan(namespace, name, "", "rollout", reasons=[f"the {kind} does not exist yet"], empty=True, kind=kind)
    live_uid = live["metadata"]["uid"]
    if uid is not None and live_uid != uid:
        reason = f"the live object is another one (UID {live_uid}, not {uid}): it was deleted and made anew"
        return Plan(namespace, name, live_uid, "rollout", reasons=[reason], judged=False, kind=kind)
    journal = read_journal(live)
    if journal is not None:
        reason = (
            f"a resize of {journal.started} is unfinished ({journal.changes()}): finish it first, with an up or "
            f"with `python -m components.actions resize finish -n {namespace} {argument(kind, name)}`"
        )
        return Plan(namespace, name, live_uid, "refused", reasons=[reason], kind=kind)
    try:
        facts = gather(client, live, desired)
    except ApiError as error:
        if error.status != 422:
            raise
        reason = f"the server refuses it: {error.message}"
        return Plan(namespace, name, live_uid, "refused", reasons=[reason], kind=kind)
    decided = decide(facts)
    if decided.outcome != "in-place":
        return decided
    return _probed(client, facts, decided)


def decide(facts: Facts) -> Plan:
    """Turn facts into a plan; pure. What only a server dry run can tell is not in it yet."""
    metadata = facts.live["metadata"]
    live = facts.live["spec"]["template"]
    before, after = sizes(live), sizes(facts.wanted)
    # A StatefulSet's controller compares bytes, so there another spelling of a size is another template, too.
    exact = facts.kind == "StatefulSet"
    changed = [
        name
        for name in after
        if name in before and (before[name] != after[name] if exact else not same(before[name], after[name]))
    ]
    active = active_replica_sets(facts.replica_sets)
    judged = verdicts(facts)
    reasons = list(obstacles(facts))
    restarts = any(verdict.outcome == "container-restart" for verdict in judged)
    if restarts:
        reasons += no_restart(facts.live, facts.budgets)
    outcome: Literal["unchanged", "in-place", "rollout", "refused"]
    undone = list(updating(facts.autoscalers)) if judged else []
    if equal_ignoring_hash(live, facts.wanted) and not changed:
        outcome, judged, reasons = "unchanged", [], []
    elif undone:
        outcome, reasons = "refused", undone
    elif reasons or any(verdict.outcome == "rollout" for verdict in judged):
        outcome = "rollout"
    else:
        outcome = "in-place"
    return Plan(
        metadata["namespace"],
        metadata["name"],
        metadata["uid"],
        outcome,
        judged,
        reasons,
        drift(live, current_pods(facts)),
        active[0]["metadata"]["name"] if len(active) == 1 else "",
        {name: before[name] for name in changed},
        {name: after[name] for name in changed},
        facts.simulated,
        _notes(facts, restarts=restarts) if judged else _spelling(facts, changed),
        empty=facts.live["spec"].get("replicas", 1) == 0,
        kind=facts.kind,
        template=digest(live),
    )


def _spelling(facts: Facts, changed: list[str]) -> list[str]:
    if not changed:
        return []
    names = ", ".join(changed)
    return [f"the sizes of {names} are written in another way only: {facts.kind}s take that for another template"]


def _notes(facts: Facts, *, restarts: bool) -> list[str]:
    old, new = facts.live["spec"]["template"]["spec"], facts.wanted["spec"]
    unknown = [facts.budgets.unknown] if restarts and facts.budgets.unknown else []
    return [*shifts(facts.autoscalers, old, new), *unknown]


def _probed(client: Client, facts: Facts, decided: Plan) -> Plan:
    """Ask the server about each pod: only a dry run knows webhooks, quotas, LimitRanges and node capacity."""
    wanted = pod_sizes(facts.wanted, set(decided.new))

    def probe(pod: Json) -> tuple[Literal["rollout", "refused"], str] | None:
        patch = resize_patch(pod, wanted)
        if patch is None:
            return None
        name = pod["metadata"]["name"]
        try:
            answer = client.patch(resize_path(pod), patch, kind="strategic", dry_run=True)
        except ApiError as error:
            return None if error.not_found else judge_refusal(name, error)
        changed = mutations(pod, patch, answer)
        if changed:
            why = f"the cluster would change the resize of pod {name} (a LimitRange?): {', '.join(changed)}"
            return "rollout", why
        return None

    refusal = next(filter(None, at_once(probe, facts.pods)), None)
    if refusal:
        return _with(decided, *refusal)
    replaced = list(_replaced(client, facts.pods, wanted))
    if replaced and not client.may("delete", "pods", namespace=decided.namespace):
        return _with(decided, "rollout", f"{replaced[0]}, and this identity may not delete pods")
    return replace(decided, notes=[*decided.notes, *(f"{text}: it is replaced" for text in replaced)])


def _replaced(client: Client, pods: list[Json], wanted: dict[str, Resources]) -> Iterator[str]:
    """Name the pods that are replaced, since their kubelets would leave them with their old limits."""
    for pod in pods:
        patch = resize_patch(pod, wanted)
        name = stranded.left(client, pod, stranded.idle(pod, patch)) if patch else ""
        if name:
            yield (
                f"container {name} of pod {pod['metadata']['name']} does not run, and its kubelet would go on holding "
                "the pod to its old limits (kubernetes/kubernetes#138760)"
            )


def judge_refusal(pod: str, error: ApiError) -> tuple[Literal["rollout", "refused"], str]:
    """Tell what a refused dry run of `pods/resize` means: new pods, or nothing that could work."""
    if error.status not in {403, 422}:
        raise error
    reason = f"the server refuses to resize pod {pod}: {error.message}"
    if error.forbidden and any(text in error.message for text in ("exceeded quota", "usage per", "limit to request")):
        # ResourceQuota and LimitRange hold new pods to the same bounds, and a surge needs even more.
        return "refused", reason
    return "rollout", reason


def _with(decided: Plan, outcome: Literal["rollout", "refused"], reason: str) -> Plan:
    return replace(decided, outcome=outcome, reasons=[*decided.reasons, reason])
