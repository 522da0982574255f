"""What a cluster's load balancers do with TCP and UDP in one Service. Pure."""

from collections.abc import Callable
from dataclasses import replace

from components.model import platforms
from components.model.facts import Cluster, Unseen
from components.model.feature import Feature
from components.model.finding import Answer, Finding, answer, unseen


def balanced(field: str) -> Callable[[Cluster, Feature, str], Finding]:
    """Return the judge of one column of the table of load balancers; "" asks for any address at all."""

    def judge_balancers(cluster: Cluster, _feature: Feature, platform: str) -> Finding:
        found = cluster.balancers
        if isinstance(found, Unseen):
            return unseen(found)
        if not found:
            remedy = "install a load balancer (such as MetalLB), or use type NodePort"
            if platform == "lab":
                return answer("no", "nothing on this cluster gives Services of type LoadBalancer an address", remedy)
            return answer("unknown", "no load balancer that is known was seen on this cluster", remedy)
        answers = [_balancer(each.implementation, each.version, field) for each in found]
        for wanted in ("yes", "unknown", "no"):
            chosen = [each for each in answers if each.answer == wanted]
            if chosen:
                rest = [text for each in answers if each not in chosen for text in each.evidence]
                return replace(chosen[0], evidence=(*chosen[0].evidence, *rest))
        raise AssertionError  # pragma: no cover - an answer is one of the three

    return judge_balancers


def _balancer(implementation: str, version: str, field: str) -> Finding:
    row = platforms.load_balancer(implementation, version)
    name = f"{implementation} {version}".strip()
    if row is None:
        return answer("unknown", f"what {name} does with two protocols is not in the table")
    if not field:
        # Even a balancer that takes one protocol alone gives an address; only a cluster that has none gives nothing.
        nothing = implementation == "kind-alone"
        return answer(
            "unknown" if nothing else "yes",
            "kind has no load balancer of its own, and cloud-provider-kind, which runs outside it, cannot be seen"
            if nothing
            else f"{name} is there",
            row.otherwise if nothing else "",
        )
    does: Answer = getattr(row, field)
    what = {"yes": "takes", "no": "does not take", "unknown": "may or may not take"}[does]
    ports = "one port number" if field == "same_port" else "different port numbers"
    remedy = row.needs if does == "yes" else row.otherwise
    return answer(does, f"{name} {what} TCP and UDP on {ports} ({row.source})", remedy)
