"""Preflight: what the cluster can do of what the stack uses, before anything is changed."""

from collections.abc import Mapping, Sequence
from typing import Any, Required, TypedDict

import pulumi
from pulumi import Input

from components._args import ConnectionArgs
from components._errors import raise_for
from components._gate import ask, refusal, warn_once
from components._hooks import connect
from components._live import Row, is_off, mocked
from components._shape import judged
from components.actions.preflight import render
from components.model import feature, names
from components.model.finding import Report
from components.model.problem import Problem


class PreflightArgs(TypedDict, total=False):
    """Arguments of Preflight."""

    connection: Required[Input[ConnectionArgs]]
    """The cluster: `Target.connection`."""
    features: Required[Input[Sequence[Input[str]]]]
    """What the stack uses: sidecars, resize, mixed-protocol, load-balancer, mixed-protocol-load-balancer,
    same-port-load-balancer, wasm=<handler>, cri, kind=<Kind> for what it makes (Deployments and ConfigMaps where none
    is named) and pod-security=<level> for pods below restricted; with a `?` at the end what it can do without. In
    Python each component names its own: `SidecarWorkload.needs(args)`."""
    namespaces: Input[Sequence[Input[str]]]
    """Namespaces that the stack deploys to: their rights, Pod Security level and quotas, and what an earlier run left
    unfinished there, are looked at. None by default."""


class FindingArgs(TypedDict, total=False):
    """One answer of a Preflight."""

    subject: Required[Input[str]]
    """The feature as it was written, or `kubernetes`, `rights: <namespace>`, `namespace: <namespace>`."""
    answer: Required[Input[str]]
    """yes, no or unknown."""
    evidence: Required[Input[Sequence[Input[str]]]]
    """What was seen."""
    remedy: Required[Input[str]]
    """What to do about it; empty where there is nothing to do."""
    required: Required[Input[bool]]
    """False for what the stack can do without."""


class Preflight(pulumi.ComponentResource):
    """Asks the live cluster what it can do of the features that a stack uses, in preview and in the update.

    1. Creates nothing, and changes nothing on the cluster. It reads: version, discovery, feature metrics, nodes, and of
       each namespace rights (SelfSubjectAccessReview), Pod Security level, quotas, unfinished resizes and drift.
    2. Answers per feature yes, no or unknown, each with evidence and remedy. `no` takes proof, and stops the run:
       `passed`, `connection` and `findings` are never given. `unknown`, and a `no` to something optional, warn.
    3. Gates what takes its outputs: names, namespaces and connections that pass through `passed` or `connection` are
       known once nothing says no, so nothing that they reach is changed before. In a preview they are known too.
    4. A lacking right to read makes an answer unknown, never an error. What the identity may not do is unknown in a
       preview, which may run under another identity, and no in an update. A preview that cannot reach the cluster
       warns and passes; an update fails.
    5. Reports work that an earlier, killed run left unfinished, and sizes of workloads and pods that were changed by
       hand, also when the program changes nothing.
    6. Refuses, before anything is registered: unknown features and malformed namespaces.
    7. In a preview the whole table is printed; an update prints what is not yes.
    """

    passed: pulumi.Output[bool]
    """True once nothing says no."""
    connection: pulumi.Output[ConnectionArgs]
    """The connection, once nothing says no; a secret."""
    findings: pulumi.Output[list[FindingArgs]]
    """Every answer."""

    def __init__(self, name: str, args: PreflightArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raise InvalidArgs for features that there are not, else ask the cluster once it is known."""
        raise_for("Preflight", name, _problems(args))
        super().__init__("kubernetes-emerging:index:Preflight", name, {}, opts)
        asked: dict[str, Any] = {key: args.get(key) or [] for key in ("features", "namespaces")}
        report: pulumi.Output[Any] = pulumi.Output.all(args["connection"], asked).apply(self._ask)
        # The connection is a secret; what was found out about the cluster is not.
        report = pulumi.Output.unsecret(report)
        self.passed = report.apply(lambda _: True)
        given: pulumi.Output[Any] = pulumi.Output.all(report, args["connection"]).apply(lambda known: known[1])
        self.connection = pulumi.Output.secret(given)
        self.findings = report.apply(lambda found: found["findings"])
        self.register_outputs({"passed": self.passed, "connection": self.connection, "findings": self.findings})

    async def _ask(self, values: Sequence[Any]) -> Mapping[str, Any]:
        nothing: dict[str, Any] = {"findings": []}
        asked = values[1]
        if problems := _problems({"connection": values[0], **asked}):
            raise_for("Preflight", self._name, problems)
        reached = await connect(values[0])
        if reached is None or mocked() or is_off():
            return nothing
        row = Row(self.urn)
        report = await ask(reached, [feature.parse(text) for text in asked["features"]], row, asked["namespaces"])
        if report is None:
            return nothing
        _tell(report, row, preview=pulumi.runtime.is_dry_run())
        if report.stops:
            raise pulumi.RunError(
                refusal("the cluster cannot do what this stack uses; nothing that stands on this was changed", report)
            )
        warn_once(reached, report, row)
        return report.to_json()


def _tell(report: Report, row: Row, *, preview: bool) -> None:
    if preview:
        row.info(render(report))
    for change in report.drift:
        row.warn(f"changed by hand, which the next update puts back in place: {change}")
    for work in report.unfinished:
        row.warn(f"an earlier run left work unfinished, which the next update brings to its end first: {work}")


def _problems(args: Any) -> list[Problem]:
    shape, known = judged(args, PreflightArgs)
    problems = [*shape, *feature.problems("features", known.get("features"))]
    namespaces = known.get("namespaces")
    for index, namespace in enumerate(namespaces if isinstance(namespaces, list) else ()):
        problems += names.dns_label(f"namespaces[{index}]", namespace)
    return problems
