"""What an update of a Service means for its clients, in words: what stops, what moves, and what nothing can spare.

Source: ValidateServiceUpdate and the allocators of k8s.io/kubernetes 1.33 (pkg/registry/core/service/storage/alloc.go),
and kube-proxy, which forgets UDP flows only to endpoints that are gone.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Ports = dict[tuple[Any, str], Mapping[str, Any]]


def effects(live: Mapping[str, Any], desired: Mapping[str, Any], balancer: str = "") -> Iterator[str]:
    """Yield what a change from a live spec to a desired one (camelCase) means; nothing for what interrupts nobody."""
    before, after = _ports(live), _ports(desired)
    for key in sorted(before.keys() - after.keys(), key=str):
        yield from _gone(key, before[key], after)
    added = sorted(after.keys() - before.keys(), key=str)
    for key in added:
        yield from _added(key, after[key], before, desired)
    for key in sorted(before.keys() & after.keys(), key=str):
        yield from _changed(key, before[key], after[key])
    yield from _kind(live, desired)
    yield from replacement(live, desired)
    if live.get("type") == desired.get("type") == "LoadBalancer" and before.keys() != after.keys():
        yield from _listeners(before, after, balancer)


def _ports(spec: Mapping[str, Any]) -> Ports:
    return {(port.get("port"), str(port.get("protocol") or "TCP")): port for port in spec.get("ports") or []}


def _said(key: tuple[Any, str]) -> str:
    return f"{int(key[0])}/{key[1]}"


def _gone(key: tuple[Any, str], port: Mapping[str, Any], after: Ports) -> Iterator[str]:
    heirs = [other for other, each in after.items() if each.get("name") == port.get("name")]
    if not heirs:
        yield f"port {_said(key)} goes: clients of {port.get('name')!r} reach nothing there any more"
        return
    (heir, *_) = heirs
    what = "changes its protocol" if heir[0] == key[0] else "moves"
    yield (
        f"port {port.get('name')!r} {what} from {_said(key)} to {_said(heir)} at once: for no interruption add the new "
        "one under another name first, and take the old one away when its clients have moved"
    )


def _added(key: tuple[Any, str], port: Mapping[str, Any], before: Ports, desired: Mapping[str, Any]) -> Iterator[str]:
    twin = next((each for other, each in before.items() if other[0] == key[0] and each.get("nodePort")), None)
    outside = desired.get("type") in ("NodePort", "LoadBalancer")
    if twin is None or not outside or desired.get("allocateLoadBalancerNodePorts") is False:
        return
    number = int(twin["nodePort"])
    if port.get("nodePort") is None:
        yield (
            f"port {_said(key)} gets a node port of its own, not {number}, which {twin.get('name')!r} has: write "
            f"node_port: {number} for one number"
        )


def _changed(key: tuple[Any, str], old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    if old.get("name") != new.get("name"):
        yield f"port {_said(key)} is called {new.get('name')!r} now: its SRV record under {old.get('name')!r} goes"
    if old.get("targetPort") != new.get("targetPort"):
        yield (
            f"port {_said(key)} leads to {new.get('targetPort')} instead of {old.get('targetPort')}: what is connected "
            "stays where it is until it connects anew"
        )
    if new.get("nodePort") and old.get("nodePort") and int(old["nodePort"]) != int(new["nodePort"]):
        yield f"the node port of {_said(key)} moves from {int(old['nodePort'])} to {int(new['nodePort'])} at once"


def _kind(live: Mapping[str, Any], desired: Mapping[str, Any]) -> Iterator[str]:
    old, new = live.get("type", "ClusterIP"), desired.get("type", "ClusterIP")
    if old == "LoadBalancer" and new != old:
        yield "the load balancer goes, and its address with it"
    if old in ("LoadBalancer", "NodePort") and new == "ClusterIP":
        yield "its node ports go"


def replacement(live: Mapping[str, Any], desired: Mapping[str, Any]) -> Iterator[str]:
    """Yield why Pulumi's provider deletes the Service and makes it anew: for another cluster IP alone."""
    old, asked = live.get("clusterIP"), desired.get("clusterIP")
    if old is None or asked == old or (asked is None and old != "None"):
        return
    what = "has none" if asked == "None" else f"is {asked}" if asked else "gets one"
    balancer = ", the load balancer's too" if live.get("type") == "LoadBalancer" else ""
    yield (
        f"it {what} where its cluster IP was {old}, which cannot change: the Service is deleted and made anew, its "
        f"addresses may be others{balancer}, and until then it has none"
    )


def refusals(live: Mapping[str, Any], desired: Mapping[str, Any]) -> Iterator[str]:
    """Yield the changes that the API server lets nobody make to a Service that is there."""
    remedy = "write another name, so that the new Service is there before this one goes"
    was, wanted = live.get("loadBalancerClass"), desired.get("loadBalancerClass")
    if live.get("type") == desired.get("type") == "LoadBalancer" and was != wanted:
        yield f"loadBalancerClass cannot change from {was or 'none'} to {wanted or 'none'}: {remedy}"
    families = desired.get("ipFamilies")
    if families and live.get("ipFamilies") and families[0] != live["ipFamilies"][0]:
        yield f"the first of ipFamilies cannot change from {live['ipFamilies'][0]} to {families[0]}: {remedy}"
    check, checked = desired.get("healthCheckNodePort"), live.get("healthCheckNodePort")
    local = live.get("externalTrafficPolicy") == desired.get("externalTrafficPolicy") == "Local"
    if local and check and checked and int(check) != int(checked):
        yield f"healthCheckNodePort cannot change from {int(checked)} to {int(check)}: {remedy}"


def _listeners(before: Ports, after: Ports, balancer: str) -> Iterator[str]:
    """Yield which of the cloud's listeners cannot be changed without a gap."""
    if balancer != "aws-lbc":
        return
    for number in sorted({port for port, _ in before} & {port for port, _ in after}, key=str):
        old = sorted(protocol for port, protocol in before if port == number)
        new = sorted(protocol for port, protocol in after if port == number)
        if old != new:
            yield (
                f"the listener {int(number)} of AWS changes from {'_'.join(old)} to {'_'.join(new)}: it is made anew "
                "with another target group, and both protocols pause until its targets are healthy"
            )
