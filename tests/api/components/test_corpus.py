"""Generated arguments, judged by the component's rules and by the dry run of a real API server.

Accepted here and refused there is a bug. Refused here and accepted there is what docs/validation.md lists, rule by
rule. Figures are printed at the end of the tests.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings

from components._workload import _problems
from components.actions.client import Client, path_of
from components.actions.connection import load_kubeconfig
from components.actions.errors import ApiError
from components.model import workload
from components.model.pod_security import LEVELS
from components.model.problem import Problem, entries
from tests import corpus
from tests.validation_page import rules

if TYPE_CHECKING:
    from lab.simulated import SimulatedCluster

Json = dict[str, Any]
Report = Callable[[str], None]
EXHAUSTIVE = bool(os.environ.get("LAB_TEST_ALL"))
STRICT = {"dryRun": "All", "fieldValidation": "Strict"}
# What a manifest of arguments of the wrong shape fails with before there is one.
REFUSED = {400, 403, 404, 405, 422}
# Said with 500 of lists whose keys come twice.
NOT_APPLICABLE = "failed to create typed patch object"
NO_MANIFEST = (AttributeError, KeyError, OverflowError, TypeError, ValueError)


@pytest.fixture(scope="module")
def client(simulated: "SimulatedCluster") -> Iterator[Client]:
    """Give a client of a server where everything is that valid arguments refer to.

    Beside the namespace of all arguments there is one for each Pod Security level, which enforces it on their pods.
    """
    spaces = {corpus.SPACE: "privileged"} | {_enforcing(level): level for level in LEVELS}
    with load_kubeconfig(str(simulated.kubeconfig)).client() as client:
        for path, body in (
            *((path_of("v1", "namespaces"), _namespace(space, level)) for space, level in spaces.items()),
            *(
                (path_of("v1", "serviceaccounts", space), {"metadata": {"name": name}})
                for space in spaces
                for name in (corpus.SERVICE_ACCOUNT, "default")
            ),
            (
                path_of("scheduling.k8s.io/v1", "priorityclasses"),
                {"metadata": {"name": corpus.PRIORITY_CLASS}, "value": 1},
            ),
        ):
            try:
                client.create(path, body)
            except ApiError as error:
                if error.reason != "AlreadyExists":
                    raise
        yield client
        client.delete(path_of("scheduling.k8s.io/v1", "priorityclasses", name=corpus.PRIORITY_CLASS))
        for space in spaces:
            client.delete(path_of("v1", "namespaces", name=space))


def _namespace(name: str, level: str) -> Json:
    return {"metadata": {"name": name, "labels": {"pod-security.kubernetes.io/enforce": level}}}


def _enforcing(level: str) -> str:
    return f"{corpus.SPACE}-{level}"


def refusal(client: Client, args: Json) -> str | None:
    """Return what the server refuses what these arguments become with, None when it accepts all of it.

    The Deployment is created as Pulumi creates it, and applied as every later update is; some rules are only for
    pods, so one is made of its template, where their Pod Security level is enforced.
    """
    if args["namespace"] != corpus.SPACE:
        space = {"metadata": {"name": args["namespace"]}}
        if said := _answer(client, "POST", path_of("v1", "namespaces"), space):
            return said
    *others, deployment = corpus.manifests({**args, "namespace": corpus.SPACE})
    template, name = deployment["spec"]["template"], deployment["metadata"]["name"]
    pod = {**template, "metadata": {**template["metadata"], "name": "corpus"}}
    deployments = path_of("apps/v1", "deployments", corpus.SPACE)
    plurals = {"ConfigMap": "configmaps", "PodDisruptionBudget": "poddisruptionbudgets"}
    requests = [("POST", path_of(each["apiVersion"], plurals[each["kind"]], corpus.SPACE), each) for each in others]
    requests += [
        ("POST", deployments, deployment),
        ("PATCH", path_of("apps/v1", "deployments", corpus.SPACE, name), deployment),
        ("POST", path_of("v1", "pods", _enforcing(_level(args))), pod),
    ]
    return next((said for each in requests if (said := _answer(client, *each))), None)


def _level(args: Json) -> str:
    """Return the Pod Security level of a namespace for these pods, among which paths of the node may be allowed."""
    volumes = args.get("volumes")
    opened = args.get("allow_host_path") is True and any("host_path" in each for _, each in entries(volumes))
    level = args.get("pod_security")
    return LEVELS[-1] if opened else level if level in LEVELS else LEVELS[0]


def _answer(client: Client, method: str, path: str, body: Json) -> str | None:
    query = STRICT | ({"fieldManager": "corpus", "force": "true"} if method == "PATCH" else {})
    kind = "application/apply-patch+yaml" if method == "PATCH" else "application/json"
    try:
        client._json(method, path, query, body, kind)
    except ApiError as error:
        if error.status not in REFUSED and NOT_APPLICABLE not in error.message:
            raise
        return f"{method} {path}: {error.status} {error.message}"
    return None


def _mended(client: Client, args: Json) -> str:
    """Return the rule for what the server would refuse, were it not for the patch."""
    without = {field: value for field, value in args.items() if field != "pod_spec_patch"}
    return "patch" if "pod_spec_patch" in args and refusal(client, without) else ""


@dataclass
class Figures:
    """How many arguments there were, and who refused them."""

    seen: int = 0
    both_accept: int = 0
    both_refuse: int = 0
    unsendable: int = 0
    here_only: int = 0
    there_only: int = 0
    by_rule: Counter[str] = field(default_factory=Counter)

    def count(self, *, refused_here: bool, refused_there: bool) -> None:
        """Count arguments that both have judged."""
        self.both_accept += not refused_here and not refused_there
        self.both_refuse += refused_here and refused_there
        self.here_only += refused_here and not refused_there
        self.there_only += refused_there and not refused_here

    def __str__(self) -> str:
        listed = ", ".join(f"{rule} {count}" for rule, count in self.by_rule.most_common())
        return (
            f"{self.seen} arguments: {self.both_accept} accepted by both, {self.both_refuse} refused by both, "
            f"{self.unsendable} refused here and without a manifest, {self.there_only} accepted here and refused "
            f"there, {self.here_only} refused here and accepted there ({listed or 'none'})"
        )


@pytest.mark.filterwarnings("ignore:Generating overly large repr")  # it would stand in the place of what was found
def test_what_is_accepted_here_is_accepted_there(client: Client, report: Report) -> None:
    """And what is refused here and accepted there is refused by a rule that docs/validation.md gives a reason for."""
    assert [] == corpus.without_values()
    figures, documented = Figures(), rules()

    @settings(
        max_examples=5000 if EXHAUSTIVE else 1000,
        derandomize=not EXHAUSTIVE,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    @given(corpus.arguments())
    def judge(args: Json) -> None:
        figures.seen += 1
        problems: list[Problem] = _problems(corpus.NAME, args, corpus.ROOT, workload.resizable_problems)
        try:
            said = refusal(client, args)
        except NO_MANIFEST:
            assert problems, f"accepted, and there is no manifest of {args}"
            figures.unsendable += 1
            return
        figures.count(refused_here=bool(problems), refused_there=bool(said))
        shown = f"\n{json.dumps(args, indent=1)}"
        assert problems or not said, f"accepted here and refused there: {said}{shown}"
        if problems and not said:
            named = {problem.rule or _mended(client, args) for problem in problems}
            figures.by_rule.update(named)
            unlisted = [str(problem) for problem in problems if not named <= documented]
            assert [] == unlisted, f"refused here for no documented reason, and accepted there{shown}"

    try:
        judge()
    finally:
        report(f"corpus: {figures}")
    assert figures.both_accept > figures.seen / 3, "too few of them are valid to say much"
