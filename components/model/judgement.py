"""What a cluster's facts mean for the features that a stack uses: yes, no or unknown, with evidence and remedy. Pure.

1. The live cluster decides; the dated table (`platforms.yaml`) is asked only for what a cluster does not tell.
2. `no` takes proof: something that was seen rules the feature out. What could not be read, or was never written down,
   is `unknown` and says what would settle it.
3. A right that the asking identity lacks is `unknown` in a preview, which another identity may run, and `no` for the
   identity that deploys.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date

from components.model import enforced, node_features, platforms, quantity
from components.model.balancers import balanced
from components.model.facts import Cluster, Namespace, Node, Unseen
from components.model.feature import Feature, merged, rights, rights_for
from components.model.finding import Finding, Report, answer, count, unseen
from components.model.node_features import SIDECARS_SINCE, text_of
from components.model.platform_rows import CLOUDS

OLDEST, NEWEST = (1, 33), (1, 37)
"""The Kubernetes minors that the project is tested on, and what lies between."""


def judge(cluster: Cluster, features: Iterable[Feature], *, deploying: bool, today: date) -> Report:
    """Return what the facts mean for these features.

    `deploying` says that the identity which asked is the one that deploys, so that what it may not do is a `no`.
    """
    wanted = merged(features)
    nodes = () if isinstance(cluster.nodes, Unseen) else cluster.nodes
    platform = platforms.platform_of(cluster.git_version, [node.provider_id for node in nodes])
    findings = [
        _kubernetes(cluster),
        *(replace(_FEATURES[f.name](cluster, f, platform), subject=f.title, required=not f.optional) for f in wanted),
        *_rights(cluster, wanted, deploying=deploying),
        *_namespaces(cluster),
    ]
    left, drift = cluster.unfinished, cluster.drift
    return Report(
        server=cluster.server,
        version=cluster.git_version,
        platform=platform,
        findings=tuple(findings),
        notes=tuple(_notes(cluster, platform, nodes, today)),
        unfinished=() if isinstance(left, Unseen) else left,
        drift=() if isinstance(drift, Unseen) else drift,
    )


def _kubernetes(cluster: Cluster) -> Finding:
    minor, seen = cluster.minor, f"the API server is {cluster.git_version}"
    tested = f"{text_of(OLDEST)} to {text_of(NEWEST)}"
    if minor == (0, 0):
        return Finding("kubernetes", "unknown", (f"its version {cluster.git_version!r} is none",))
    if minor < SIDECARS_SINCE:
        return Finding("kubernetes", "no", (seen,), f"upgrade it to {text_of(OLDEST)} or newer")
    if minor < OLDEST:
        remedy = f"upgrade it to {text_of(OLDEST)} or newer: nothing older is tested"
        return Finding("kubernetes", "unknown", (seen,), remedy)
    if minor > NEWEST:
        remedy = f"look at the release notes of kubernetes-emerging: {tested} are tested"
        return Finding("kubernetes", "unknown", (seen,), remedy)
    return Finding("kubernetes", "yes", (seen,))


def _mixed(cluster: Cluster, _feature: Feature, _platform: str) -> Finding:
    del cluster
    return answer("yes", "a Service of type ClusterIP or NodePort has always taken TCP and UDP")


def _kind(cluster: Cluster, feature: Feature, _platform: str) -> Finding:
    group = rights_for(feature, ())[0].group
    if not group:
        return answer("yes", "it is of the core API")
    if isinstance(cluster.groups, Unseen):
        return unseen(cluster.groups)
    if group in cluster.groups:
        return answer("yes", f"the API server serves {group}")
    return answer("no", f"the API server does not serve {group}", "turn that API group on")


_FEATURES: Mapping[str, Callable[[Cluster, Feature, str], Finding]] = {
    "sidecars": node_features.sidecars,
    "resize": node_features.resize,
    "mixed-protocol": _mixed,
    "load-balancer": balanced(""),
    "mixed-protocol-load-balancer": balanced("different_ports"),
    "same-port-load-balancer": balanced("same_port"),
    "wasm": node_features.wasm,
    "cri": node_features.cri,
    "kind": _kind,
    "pod-security": enforced.judge,
}


def _rights(cluster: Cluster, features: Sequence[Feature], *, deploying: bool) -> Iterator[Finding]:
    for namespace in cluster.namespaces:
        asked = [(right, cluster.rights.get(("" if right.cluster else namespace, right))) for right in rights(features)]
        lacking = [right for right, allowed in asked if allowed is False]
        unseen = [allowed for _, allowed in asked if isinstance(allowed, Unseen)]
        subject = f"rights: {namespace}"
        if lacking:
            evidence = f"this identity may not {', '.join(map(str, lacking))}"
            remedy = "bind the ClusterRole of docs/rbac/apply.yaml to the identity that deploys"
            required = any({*rights_for(f, features)} & {*lacking} for f in features if not f.optional)
            yield Finding(subject, "no" if deploying else "unknown", (evidence,), remedy, required)
        elif unseen:
            yield Finding(subject, "unknown", (unseen[0].why,), unseen[0].remedy)
        elif asked:
            yield Finding(subject, "yes", (f"this identity has the {count(len(asked), 'right')} that it takes",))


def _namespaces(cluster: Cluster) -> Iterator[Finding]:
    for name, namespace in cluster.namespaces.items():
        subject = f"namespace: {name}"
        if isinstance(namespace, Unseen):
            yield Finding(subject, "unknown", (namespace.why,), namespace.remedy, required=False)
        else:
            yield replace(_namespace(namespace), subject=subject)


def _namespace(namespace: Namespace) -> Finding:
    if not namespace.exists:
        return Finding("", "yes", ("it is not there yet",), required=False)
    level = namespace.pod_security
    evidence = [f"Pod Security level {level}" if level else "no Pod Security level is enforced"]
    remedies = []
    for seen, what in ((namespace.quotas, "quotas"), (namespace.limit_ranges, "LimitRanges")):
        if isinstance(seen, Unseen):
            evidence.append(f"its {what} may not be read")
    quotas = () if isinstance(namespace.quotas, Unseen) else namespace.quotas
    for quota in quotas:
        full = [f"{resource} {used} of {hard}" for resource, (used, hard) in quota.used.items() if _full(used, hard)]
        if full:
            evidence.append(f"ResourceQuota {quota.name} has no room: {', '.join(full)}")
            remedies.append("raise the quota, or new pods, and resizes that ask for more, are refused")
        else:
            evidence.append(f"ResourceQuota {quota.name} has room")
    ranges = () if isinstance(namespace.limit_ranges, Unseen) else namespace.limit_ranges
    if ranges:
        evidence.append(f"LimitRange {', '.join(ranges)}: its defaults and bounds apply to new pods and to resizes")
    return Finding("", "unknown" if remedies else "yes", tuple(evidence), "; ".join(dict.fromkeys(remedies)), False)


def _notes(cluster: Cluster, platform: str, nodes: Sequence[Node], today: date) -> Iterator[str]:
    minor = text_of(cluster.minor)
    found = platforms.support(platform, minor, today)
    following = platforms.next_safe_minor(platform, minor, today)
    short = found.days_left is not None and found.days_left < platforms.SAFE_DAYS
    if found.state in ("extended", "ended") or short:
        yield found.sentence + (f"; the next safe minor is {following}" if following else "")
    elif found.state != "unknown" or platform in CLOUDS:
        yield found.sentence
    if any(node.simulated for node in nodes):
        yield "simulated nodes: pods there run nothing, so an answer about nodes is about none"
    if isinstance(cluster.unfinished, Unseen):
        yield f"whether an earlier run left work unfinished is unknown: {cluster.unfinished.why}"
    if isinstance(cluster.drift, Unseen):
        yield f"whether sizes were changed by hand is unknown: {cluster.drift.why}"


def _full(used: str, hard: str) -> bool:
    try:
        return quantity.parse(used) >= quantity.parse(hard)
    except ValueError:
        return False
