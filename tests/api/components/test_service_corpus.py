"""Generated arguments of Services, judged by the component's rules and by the dry run of a real API server.

Accepted here and refused there is a bug, unless only the cluster knows: free addresses, node ports, its families.
Refused here and accepted there is what docs/service.md lists, rule by rule. Figures are printed at the end.
"""

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings

from components.actions.client import Client, path_of
from components.actions.connection import load_kubeconfig
from components.model import service_fields
from components.service import _problems
from tests import service_corpus
from tests.api.components import test_corpus
from tests.validation_page import SERVICE_PAGE, rules

if TYPE_CHECKING:
    from lab.simulated import SimulatedCluster


@pytest.fixture(scope="module")
def client(simulated: "SimulatedCluster") -> Iterator[Client]:
    """Give a client of a server that has the namespace of valid arguments."""
    namespaces = path_of("v1", "namespaces")
    with load_kubeconfig(str(simulated.kubeconfig)).client() as client:
        client.create(namespaces, {"metadata": {"name": service_corpus.SPACE}})
        yield client
        client.delete(f"{namespaces}/{service_corpus.SPACE}")


def refusal(client: Client, args: dict[str, Any]) -> str | None:
    """Return what the server refuses what these arguments become with, None when it accepts all of it.

    A Service is created as Pulumi creates it, and applied as every later update is.
    """
    namespace, space = args["namespace"], service_corpus.SPACE
    if namespace != space and (
        said := test_corpus._answer(client, "POST", path_of("v1", "namespaces"), {"metadata": {"name": namespace}})
    ):
        return said
    for made in service_corpus.manifests({**args, "namespace": space}, client.version()):
        for method, name in (("POST", ""), ("PATCH", made["metadata"]["name"])):
            if said := test_corpus._answer(client, method, path_of("v1", "services", space, name), made):
                return said
    return None


def test_what_is_accepted_here_is_accepted_there(client: Client, report: Callable[[str], None]) -> None:
    """And what is refused here and accepted there is refused by a rule that docs/service.md gives a reason for."""
    figures, documented, left = test_corpus.Figures(), rules(SERVICE_PAGE), 0

    @settings(
        max_examples=4000 if test_corpus.EXHAUSTIVE else 800,
        derandomize=not test_corpus.EXHAUSTIVE,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    @given(service_corpus.arguments())
    def judge(args: dict[str, Any]) -> None:
        nonlocal left
        figures.seen += 1
        problems = _problems(service_corpus.NAME, args)
        problems += service_fields.distribution(args.get("traffic_distribution"), client.version())
        try:
            said = refusal(client, args)
        except test_corpus.NO_MANIFEST:
            assert problems, f"accepted, and there is no manifest of {args}"
            figures.unsendable += 1
            return
        if said and not problems and any(words in said for words in service_corpus.LEFT_TO_THE_CLUSTER):
            left += 1
            return
        figures.count(refused_here=bool(problems), refused_there=bool(said))
        shown = f"\n{json.dumps(args, indent=1)}"
        assert problems or not said, f"accepted here and refused there: {said}{shown}"
        if problems and not said:
            figures.by_rule.update({problem.rule for problem in problems})
            unlisted = [str(problem) for problem in problems if problem.rule not in documented]
            assert [] == unlisted, f"refused here for no documented reason, and accepted there{shown}"

    try:
        judge()
    finally:
        report(f"corpus of Services: {figures}, {left} refused by what only the cluster knows")
    assert figures.both_accept > figures.seen / 4, "too few of them are valid to say much"
    assert figures.both_refuse > figures.seen / 5, "too few of them are refused to say much"
