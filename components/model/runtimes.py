"""What is known of a node's container runtime together with a Kubernetes minor. Pure."""

from dataclasses import dataclass

from components.model.platform_rows import Answer
from components.model.platforms import table
from components.model.versions import MINOR, number_of, numbers_of


@dataclass(frozen=True)
class RuntimeSupport:
    """What is known of a node's container runtime and a Kubernetes minor.

    `answer` is yes where the runtime's own project tests the pair, no where a kubelet of that minor cannot work with
    it, and unknown between; `next_minor` is the same for the following Kubernetes minor. `cri_v1` tells whether the
    runtime speaks CRI v1, without which a kubelet does not register its node. `remedy` is empty where nothing is to be
    done.
    """

    answer: Answer
    reason: str
    remedy: str
    cri_v1: Answer
    next_minor: Answer


def runtime_support(kubernetes_minor: str, container_runtime_version: str) -> RuntimeSupport:
    """Return what is known of a node's container runtime together with a Kubernetes minor; never raises.

    `container_runtime_version` is what a node reports of itself in `status.nodeInfo`: `containerd://2.1.1`,
    `cri-o://1.33.0`, or whatever else calls itself a runtime, which is unknown. containerd is held against the matrix
    that its project tests; CRI-O's minors go with Kubernetes' own. Not tested is unknown and no refusal: only a runtime
    without CRI v1, under a Kubernetes that requires it, is a no.
    """
    name, _, version = container_runtime_version.partition("://")
    numbers, minor = numbers_of(version), MINOR.fullmatch(kubernetes_minor)
    if numbers and minor and name == "containerd":
        return _containerd_support(int(minor[1]), numbers, version)
    if numbers and minor and name == "cri-o":
        return _crio_support(int(minor[1]), numbers, version)
    if container_runtime_version.startswith("kwok"):
        return RuntimeSupport("unknown", "kwok plays the node: there is no container runtime", "", "unknown", "unknown")
    reason = f"nothing is known of the container runtime {container_runtime_version[:80]!r}"
    if numbers and name in {"containerd", "cri-o"}:
        reason = f"the Kubernetes minor {kubernetes_minor[:80]!r} is none"
    return RuntimeSupport("unknown", reason, "", "unknown", "unknown")


def _containerd_support(minor: int, numbers: tuple[int, ...], version: str) -> RuntimeSupport:
    containerd = table().containerd
    name = f"containerd {version}"
    if numbers < (numbers_of(containerd.cri_v1) or ()):
        required = minor >= number_of(containerd.cri_v1_required)
        return RuntimeSupport(
            "no" if required else "unknown",
            f"{name} does not speak CRI v1, which Kubernetes {containerd.cri_v1_required} and later require",
            _move("2.0"),
            "no",
            "no" if minor + 1 >= number_of(containerd.cri_v1_required) else "unknown",
        )
    answer, reason, least = _tested(minor, numbers)
    following, further, least_following = _tested(minor + 1, numbers)
    if answer == "yes":
        reason += f" and 1.{minor + 1}" if following == "yes" else f", but it {further}"
        # Newer minors of Kubernetes are the usual reason to look; what will then be too old is worth saying now.
        remedy = f"before Kubernetes 1.{minor + 1}, {_move(least_following)}" if least_following else ""
    else:
        remedy = _move(least) if least else ""
    ends = containerd.end_of_life.get(f"{numbers[0]}.{numbers[1]}")
    line = f"; its line is maintained until {ends}" if ends else ""
    return RuntimeSupport(answer, f"{name} {reason}{line}", remedy, "yes", following)


def _move(least: str) -> str:
    return f"move to nodes with containerd {least} or later"


def _tested(minor: int, numbers: tuple[int, ...]) -> tuple[Answer, str, str]:
    """Return whether containerd tests itself with a Kubernetes minor, how, and the least version to move to if any."""
    tested = table().containerd.tested.get(f"1.{minor}")
    if tested is None:
        return "unknown", f"has no word from its project about Kubernetes 1.{minor}", ""
    # Each least version stands for its own line, the first two numbers: 2.1.0 says nothing about 2.2.
    least = {each[:2]: (each, text) for text in tested if (each := numbers_of(text))}
    own = least.get(numbers[:2])
    listed = f"those tested with Kubernetes 1.{minor} (from {', '.join(tested)} on)"
    if own is None and numbers[:2] > max(least):
        return "unknown", f"is of a newer line than {listed}", ""
    if own is None:
        return "unknown", f"is of no line among {listed}", tested[0]
    if numbers < own[0]:
        return "unknown", f"is older than {listed}", own[1]
    return "yes", f"is tested with Kubernetes 1.{minor}", ""


def _crio_support(minor: int, numbers: tuple[int, ...], version: str) -> RuntimeSupport:
    speaks: Answer = "yes" if numbers >= (1, number_of(table().containerd.cri_v1_required)) else "unknown"
    following: Answer = "yes" if numbers[:2] == (1, minor + 1) else "unknown"
    if numbers[:2] == (1, minor):
        return RuntimeSupport("yes", f"CRI-O {version} goes with Kubernetes 1.{minor}", "", speaks, following)
    reason = f"CRI-O {version} goes with Kubernetes {numbers[0]}.{numbers[1]}, and this is 1.{minor}"
    return RuntimeSupport("unknown", reason, f"move to nodes with CRI-O 1.{minor}", speaks, following)
