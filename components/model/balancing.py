"""What becomes of a Service with a load balancer: one Service or one per protocol, and what tells it so. Pure.

What a load balancer does with two protocols is in `platforms.yaml`, how it is told so in `balancer_ways`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from components.model import platforms
from components.model.balancer_ways import CLASSES, SPEC, WAYS, Ways
from components.model.facts import Balancer
from components.model.problem import Problem, entries, known, whole_number
from components.model.service import expanded, paired, protocols
from components.model.service_fields import names_of
from components.model.versions import holds, numbers_of

# Before these versions GKE asks for an internal load balancer by annotation, and knows no classes.
_GKE_CLASSES = ">=1.33.1-gke.1779000"
_GKE_INTERNAL = {"networking.gke.io/load-balancer-type": "Internal"}
_GKE_WHOLE = ">=1.36.2-gke.1498000"
_DEAD = "service.beta.kubernetes.io/azure-load-balancer-mixed-protocols"


@dataclass(frozen=True)
class Choice:
    """What becomes of a LoadBalancer Service: `split` into one per protocol or not, and what each then carries."""

    split: bool = False
    load_balancer_class: str = ""
    load_balancer_ip: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)


def parse(text: str) -> Balancer:
    """Return the load balancer that arguments name; ValueError says what to write."""
    implementation, version = names_of(text)
    if implementation not in WAYS:
        raise ValueError(f"{implementation!r} is no load balancer that is known; write one of: {', '.join(WAYS)}")
    if version and numbers_of(version) is None:
        raise ValueError(f"{version!r} is no version; write it as {implementation} 1.2.3")
    return Balancer(implementation, version)


def pick(found: Sequence[Balancer], load_balancer_class: object) -> Balancer | None:
    """Return the load balancer that will serve: the one of the class that is asked for, else the first one."""
    named = CLASSES.get(load_balancer_class) if isinstance(load_balancer_class, str) else None
    if named:
        return next((each for each in found if each.implementation == named), Balancer(named))
    if known(load_balancer_class):
        return None  # somebody else's
    return found[0] if found else None


def choose(args: Mapping[str, Any], balancer: Balancer | None) -> tuple[Choice, list[Problem]]:
    """Return what the arguments (snake_case) become with this load balancer, and what keeps them from it.

    Without one that is known nothing is added, a split has nothing by which to share an address, and several protocols
    in one Service are for `mode` single alone: some load balancers drop all but one without a word.
    """
    given_class, ip = _text(args, "load_balancer_class"), _text(args, "load_balancer_ip")
    split = args.get("mode") == "split"
    if balancer is None or balancer.implementation not in WAYS:
        wrong = [*(_unnamed(args) if split else _untried(args))]
        return Choice(split, given_class, ip, {}), wrong
    ways = WAYS[balancer.implementation]
    wanted = _Wanted(args, balancer, ways)
    split, wrong = wanted.judged()
    internal = args.get("internal") is True
    annotations = dict((ways.internal if internal else ways.external) or {})
    chosen_class = given_class or (ways.internal_class if internal else ways.external_class)
    if balancer.implementation == "gke":
        chosen_class, more = _gke(wanted, given_class, chosen_class)
        annotations |= more
    if wanted.same_port and not split:
        annotations |= ways.same_port
    if wanted.dual_stack and "UDP" in wanted.protocols:
        annotations |= ways.dual_stack
    place = (ways.internal_address if internal else ways.address) or ways.address
    if ip and place and place != SPEC:
        annotations[place] = ip
    if split and "/" in ways.shared:
        annotations[ways.shared] = wanted.key
    if (target := _text(args, "target_type")) and ways.target_type:
        annotations[ways.target_type] = target
    annotations |= _health(args, balancer, ways)
    judged = [replace(problem, rule="platform") for problem in wrong]
    return Choice(split, chosen_class, ip if place == SPEC else "", annotations), judged


def contested(args: Mapping[str, Any], there: Sequence[Balancer], choice: Choice) -> list[Problem]:
    """Return why it is not known which of several load balancers serves, where one of them would not take the ports.

    A class says which it is; without one each may take the Service, as it is made for another.
    """
    several = len(protocols(args)) > 1 and not choice.split and args.get("mode") != "single"
    if not several or choice.load_balancer_class or len(there) < 2:
        return []
    judged = {f"{each.implementation} {each.version}".strip(): choose(args, each)[1] for each in there}
    against = [name for name, wrong in judged.items() if wrong]
    if not against:
        return []
    message = f"this cluster has {' and '.join(judged)}, and with {' or '.join(against)} a protocol would be lost"
    return [Problem("load_balancer", message, "write load_balancer with the one that serves", "platform")]


class _Wanted:
    """What the arguments want of a load balancer, and what of that it cannot do."""

    def __init__(self, args: Mapping[str, Any], balancer: Balancer, ways: Ways) -> None:
        self.args, self.balancer, self.ways = args, balancer, ways
        self.name = f"{balancer.implementation} {balancer.version}".strip()
        self.ports = [port for _, port in expanded(entries(args.get("ports")))]
        self.protocols = protocols(args)
        numbers = [port.get("port") for port in self.ports if known(port.get("port"))]
        self.pairs = sorted({int(number) for number in numbers if numbers.count(number) > 1})
        self.same_port = bool(self.pairs)
        self.dual_stack = args.get("ip_family_policy") in ("PreferDualStack", "RequireDualStack")
        self.key = f"{args.get('namespace')}/{args.get('name')}"

    def judged(self) -> tuple[bool, list[Problem]]:
        """Tell whether it becomes one Service for each protocol, and everything that is wrong."""
        mode, wrong = self.args.get("mode") or "auto", [*self._alone()]
        split = mode == "split" and len(self.protocols) > 1
        if len(self.protocols) > 1 and not split:
            why = self._against_one()
            if why and mode == "auto" and not self._apart():
                split = True
            elif why:
                wrong.append(why)
        if split:
            wrong += self._apart()
        elif self.same_port and self.balancer.implementation == "aws-lbc":
            wrong += self._merged()
        return split, wrong

    def _against_one(self) -> Problem | None:
        """Return what speaks against all protocols in one Service, None where it works."""
        row = platforms.load_balancer(self.balancer.implementation, self.balancer.version)
        does = "unknown" if row is None else row.same_port if self.same_port else row.different_ports
        where = "on one port number" if self.same_port else "in one Service"
        if self.balancer.implementation == "gke" and does == "yes" and self._beyond_gke():
            message = f"{self.name} takes TCP and UDP {where} for external IPv4 only ({row.source if row else ''})"
            return Problem("ports", message, self._way_out("upgrade to 1.36.2-gke.1498000 or later"))
        if does == "yes":
            return None
        source, otherwise = (row.source, row.otherwise) if row else ("not in the table", "")
        if does == "no":
            return Problem(
                "ports", f"{self.name} does not take TCP and UDP {where} ({source})", self._way_out(otherwise)
            )
        if self.args.get("mode") == "single":
            return None
        message = f"whether {self.name} takes TCP and UDP {where} is not known ({source})"
        return Problem("ports", message, self._way_out(f"write mode: single to try it all the same; or {otherwise}"))

    def _beyond_gke(self) -> bool:
        numbers = numbers_of(self.balancer.version)
        whole = numbers is not None and holds(_GKE_WHOLE, numbers)
        six = self.dual_stack or "IPv6" in (self.args.get("ip_families") or [])
        return not whole and (self.args.get("internal") is True or six)

    def _conflates(self) -> bool:
        row = platforms.load_balancer(self.balancer.implementation, self.balancer.version)
        return row is not None and row.same_port == "no"

    def _way_out(self, otherwise: str) -> str:
        if self.ways.pinned and not known(self.args.get("load_balancer_ip")):
            return "reserve a static address and write it as load_balancer_ip: two Services then share it"
        return otherwise or "write one MixedProtocolService for each protocol"

    def _apart(self) -> list[Problem]:
        """Return what keeps one Service for each protocol from sharing an address."""
        found = []
        if self.balancer.implementation == "cilium-lb-ipam" and self.same_port and self._conflates():
            message = f"{self.name} takes TCP and UDP of one number for the same, and lets no two Services share it"
            found.append(Problem("ports", message, "upgrade Cilium to 1.17 or later (cilium#34677)"))
        if self.ways.apart:
            found.append(Problem("mode", f"{self.name} cannot share an address between Services", self.ways.apart))
        elif self.ways.pinned and self.args.get("load_balancer_ip") is None:
            message = f"without a static address {self.name} may give each Service another one"
            found.append(Problem("mode", message, "write load_balancer_ip"))
        for port in paired(self.ports):
            if port.get("port") in self.pairs and known(port.get("node_port")):
                message = f"two Services cannot both have node port {int(port['node_port'])}, whatever the protocols"
                found.append(Problem("ports", message, "leave node_port out, or write mode: single"))
                break
        return found

    def _merged(self) -> Iterator[Problem]:
        """Yield what keeps a pair from becoming one TCP_UDP listener, which has one target and one node port."""
        for number in self.pairs:
            pair = [port for port in paired(self.ports) if port.get("port") == number]
            if not all(known(port.get("protocol") or "TCP") for port in pair):
                continue
            targets = {self._number(port) for port in pair}
            if len(targets) > 1 or None in targets:
                message = (
                    f"{self.name} sends TCP and UDP of {number} to one target port, which has to be the same number"
                )
                remedy = "write the number as target_port of both, and make the pods listen there"
                yield Problem("ports", message, remedy)
            if len({port.get("node_port") for port in pair}) > 1:
                message = f"{self.name} sends TCP and UDP of {number} to one node port"
                yield Problem("ports", message, "write the same node_port for both")

    def _number(self, port: Mapping[str, Any]) -> Any:
        """Return the number that a port's target stands for; None where only the pods know."""
        target = port.get("target_port") if port.get("target_port") is not None else port.get("name")
        if not isinstance(target, str):
            return target
        number = whole_number(target)
        declared = [each for _, each in entries(self.args.get("container_ports")) if each.get("name") == target]
        return number if number is not None else declared[0].get("container_port") if declared else None

    def _alone(self) -> Iterator[Problem]:
        """Yield what the load balancer cannot do whatever the protocols' number."""
        args, ways = self.args, self.ways
        if self.balancer.implementation == "kind-alone":
            remedy = (
                "install MetalLB; or run cloud-provider-kind, which cannot be seen, and write load_balancer: "
                "cloud-provider-kind 0.11.1; or write type: NodePort and one extraPortMapping for each protocol"
            )
            yield Problem("type", "kind alone gives no Service an address", remedy)
        outside = ways.sctp == "internal" and args.get("internal") is not True
        if "SCTP" in self.protocols and (ways.sctp == "no" or outside):
            inside = "write internal: true, or " if ways.sctp == "internal" else ""
            yield Problem("ports", f"{self.name} does not carry SCTP", f"{inside}reach it by type: NodePort")
        if args.get("internal") is True and ways.internal is None:
            remedy = "leave it out, and choose a pool of inner addresses with the annotation that it reads"
            yield Problem("internal", f"{self.name} knows no internal load balancers", remedy)
        yield from self._unread()
        texts = args.get("annotations")
        if isinstance(texts, dict) and _DEAD in texts:
            yield Problem(f"annotations[{_DEAD!r}]", "no AKS reads it any more", "leave it out: both protocols work")

    def _unread(self) -> Iterator[Problem]:
        """Yield the fields that this load balancer does not read, or does not take."""
        args, ways = self.args, self.ways
        unused = {"load_balancer_ip": ways.address, "target_type": ways.target_type}
        if self.balancer.implementation != "aks":
            unused["health_check_port"] = ways.health_check_port
        for name, place in unused.items():
            if known(args.get(name)) and not place:
                yield Problem(name, f"{self.name} does not read it", "leave it out")
        if ways.needs_node_ports and args.get("allocate_load_balancer_node_ports") is False:
            yield Problem("allocate_load_balancer_node_ports", f"{self.name} sends to node ports", "leave it out")
        if args.get("target_type") == "instance" and args.get("allocate_load_balancer_node_ports") is False:
            yield Problem("target_type", "instance targets are node ports, which there are none of", "write ip")
        if ways.refuses_affinity and args.get("session_affinity") == "ClientIP":
            yield Problem("session_affinity", f"{self.name} refuses it", "leave it out")
        if ways.health_check_port and args.get("health_check_port") is None:
            yield from self._unchecked()

    def _unchecked(self) -> Iterator[Problem]:
        """Yield the UDP port whose health AWS would ask over TCP where nothing listens."""
        if self.args.get("external_traffic_policy") == "Local":
            return
        listening = {port.get("port") for port in self.ports if (port.get("protocol") or "TCP") == "TCP"}
        alone = [port for port in self.ports if port.get("protocol") == "UDP" and port.get("port") not in listening]
        if alone and all(known(port.get("port")) for port in self.ports):
            udp = f"{int(alone[0]['port'])}/UDP"
            message = f"{self.name} asks over TCP whether the targets of {udp} are well, and nothing listens there"
            yield Problem("health_check_port", message, "write a TCP port that the targets listen on")


def _health(args: Mapping[str, Any], balancer: Balancer, ways: Ways) -> dict[str, str]:
    number = args.get("health_check_port")
    if not isinstance(number, int | float):
        return {}
    if balancer.implementation == "aks":
        ports = dict.fromkeys(port.get("port") for _, port in expanded(entries(args.get("ports"))))
        key = "service.beta.kubernetes.io/port_{}_health-probe_port"
        return {key.format(int(port)): str(int(number)) for port in ports if isinstance(port, int | float)}
    return {ways.health_check_port: str(int(number))} if ways.health_check_port else {}


def _gke(wanted: _Wanted, given: str, usual: str) -> tuple[str, dict[str, str]]:
    """Return class and annotations by which GKE in this version is asked for a load balancer."""
    numbers = numbers_of(wanted.balancer.version)
    if given or (numbers is not None and holds(_GKE_CLASSES, numbers)):
        return given or usual, {}
    return "", _GKE_INTERNAL if wanted.args.get("internal") is True else {}


def _unnamed(args: Mapping[str, Any]) -> Iterator[Problem]:
    if known(args.get("load_balancer_class") or "") and args.get("load_balancer") is None:
        message = "no load balancer is known here by which Services could share an address"
        yield Problem("mode", message, f"write load_balancer, one of: {', '.join(WAYS)}", "platform")


def _untried(args: Mapping[str, Any]) -> Iterator[Problem]:
    if len(protocols(args)) < 2 or args.get("mode") == "single":
        return
    named = args.get("load_balancer_class")
    seen = (
        f"nothing is known of load_balancer_class {named}" if named else "no load balancer that is known was seen here"
    )
    message = f"{seen}, and some drop all protocols of a Service but one without a word"
    remedy = (
        f"write load_balancer, one of: {', '.join(WAYS)}; or mode: single to try it all the same; where there is none, "
        "install one (such as MetalLB), or write type: NodePort"
    )
    yield Problem("ports", message, remedy, "platform")


def _text(args: Mapping[str, Any], name: str) -> str:
    value = args.get(name)
    return value if isinstance(value, str) else ""
