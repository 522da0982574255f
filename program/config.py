"""The stack's config, read and checked whole before anything is registered."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pulumi
import yaml

from components._live import mocked
from components._where import Record, read, read_record
from components.model import names, quantity
from components.model.problem import Problem
from components.target import TargetArgs
from program.images import PLATFORMS, images_for

_T = TypeVar("_T")

PROJECT = "kubernetes-emerging"
LOG_SHIPPERS = ("rsyslog", "fluent-bit")


@dataclass(frozen=True)
class Size:
    """CPU and memory of a container."""

    cpu: str
    memory: str


@dataclass(frozen=True)
class Settings:
    """The stack's config with every default filled in; fields are named as the keys in Pulumi.yaml."""

    platform: str
    target: TargetArgs
    sidecar_replicas: int
    inplace_replicas: int
    nginx_image: str
    inplace_image: str
    log_shipper_image: str
    log_shipper: str
    nginx: Size
    log_shipper_size: Size
    inplace: Size
    http_port: int
    metrics_port: int
    nginx_config: str
    patience_seconds: int
    wasm: str
    wasm_handler: str
    wasm_image: str
    wasm_replicas: int
    wasm_size: Size


# The arguments of Target that name a cluster, and their config keys.
WAYS = {"kubeconfig": "kubeconfig", "stack": "clusterStack", "kind": "kindCluster"}


def namespace_of(stack: str) -> str:
    """Return the namespace of everything that the stack deploys."""
    return f"{PROJECT}-{stack}"


def require_cli(root: Path) -> None:
    """Raise RunError where the Pulumi CLI that runs the program is older than `Pulumi.yaml` at `root` asks for.

    The CLI looks at that by itself in newer versions only; older ones would fail later, on what they do not know.
    """
    wanted = str(yaml.safe_load((root / "Pulumi.yaml").read_text(encoding="utf-8"))["requiredPulumiVersion"])
    if mocked():
        return
    try:
        pulumi.require_pulumi_version(wanted)
    except Exception as error:  # noqa: BLE001  # the SDK raises nothing narrower
        raise pulumi.RunError(
            f"this program needs the Pulumi CLI {wanted}: {error}. Nothing was changed. Install a newer one the way "
            "that one came (https://www.pulumi.com/docs/install/)"
        ) from None


def load(config: pulumi.Config, stack: str, root: Path) -> Settings:
    """Return the stack's settings; raise RunError that names each bad key, its value and the remedy.

    `root` is the project's folder: the record of the lab's cluster is below it.
    """
    problems = [
        f"stack {stack}: its namespace would be {problem.message}; name the stack with {problem.remedy}"
        for problem in names.dns_label("", namespace_of(stack))
    ]
    read = _Reader(config, problems)
    cluster = read.choice("cluster", "auto", ("auto", "kind", "node", "simulated", "kubeconfig"))
    platform = read.choice("platform", "auto", ("auto", *PLATFORMS))
    target, record = _target(config, cluster, root / ".lab" / stack / "record.json", problems)
    if platform == "auto":
        platform = record.get("platform", "public")
    images = images_for(platform)
    settings = Settings(
        platform=platform,
        target=target,
        sidecar_replicas=read.integer("sidecarReplicas", 2, 0, 1000),
        inplace_replicas=read.integer("inplaceReplicas", 2, 0, 1000),
        nginx_image=read.text("nginxImage") or images.nginx,
        inplace_image=read.text("inplaceImage") or images.inplace,
        log_shipper_image=read.text("logShipperImage") or images.log_shipper,
        log_shipper=read.choice("logShipper", "auto", ("auto", *LOG_SHIPPERS), images.log_shipper_kind),
        nginx=read.size("nginx", Size("100m", "128Mi")),
        log_shipper_size=read.size("logShipper", Size("50m", "64Mi")),
        inplace=read.size("inplace", Size("100m", "128Mi")),
        http_port=read.integer("httpPort", 80, 1, 65535),
        metrics_port=read.integer("metricsPort", 9090, 1, 65535),
        nginx_config=read.text("nginxConfig"),
        patience_seconds=read.integer("patienceSeconds", 120, 1, 86400),
        wasm=read.choice("wasm", "auto", ("auto", "on", "off")),
        wasm_handler=read.text("wasmHandler") or "wasmedge",
        wasm_image=read.text("wasmImage") or images.wasm,
        wasm_replicas=read.integer("wasmReplicas", 2, 0, 1000),
        wasm_size=read.size("wasm", Size("100m", "128Mi")),
    )
    problems += _wasm_problems(settings)
    if problems:
        lines = "".join(f"\n  {problem}" for problem in problems)
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise pulumi.RunError(f"the config of stack {stack} has {count}; nothing was changed:{lines}")
    return settings


class _Reader:
    """Reads single keys and collects what is wrong with them."""

    def __init__(self, config: pulumi.Config, problems: list[str]) -> None:
        self._config = config
        self._problems = problems

    def text(self, key: str) -> str:
        return (self._config.get(key) or "").strip("\n ")

    def choice(self, key: str, default: str, choices: tuple[str, ...], auto: str | None = None) -> str:
        value = self.text(key) or default
        if value not in choices:
            self._complain(key, value, "is not one of its values", f"write {', '.join(choices)}")
            return default
        return auto if auto is not None and value == "auto" else value

    def integer(self, key: str, default: int, low: int, high: int) -> int:
        value = self.text(key)
        try:
            number = int(value) if value else default
        except ValueError:
            self._complain(key, value, "is not a whole number", f"write one from {low} to {high}")
            return default
        if not low <= number <= high:
            self._complain(key, value, "is out of range", f"write a number from {low} to {high}")
        return number

    def size(self, name: str, default: Size) -> Size:
        found = {}
        for resource, fallback in (("cpu", default.cpu), ("memory", default.memory)):
            key = name + resource.capitalize()
            found[resource] = self.text(key) or fallback
            complaint = quantity.complaint(resource, found[resource])
            if complaint:
                self._problems.append(f"{_name(key)}: {complaint[0]}; {complaint[1]}")
        return Size(**found)

    def _complain(self, key: str, value: str, what: str, remedy: str) -> None:
        self._problems.append(f"{_name(key)}: {value!r} {what}; {remedy}")


def _wasm_problems(settings: Settings) -> list[str]:
    problems = [
        f"{_name('wasmHandler')}: {problem.message}; {problem.remedy}"
        for problem in names.dns_label("", settings.wasm_handler)
    ]
    if settings.wasm == "on" and not settings.wasm_image:
        problems.append(
            f"{_name('wasmImage')}: it is empty, and there is none for platform {settings.platform}; write an image "
            "whose entry point is a WASM module"
        )
    if settings.wasm == "auto" and settings.wasm_image and settings.target.get("stack"):
        problems.append(
            f"{_name('wasm')}: 'auto' asks the cluster, and with {_name('clusterStack')} it is not known beforehand; "
            "write on or off"
        )
    return problems


def _target(config: pulumi.Config, cluster: str, record: Path, problems: list[str]) -> tuple[TargetArgs, Record]:
    """Return what Target takes for the cluster that the config means, and the lab's record when that is it."""
    named = {field: config.get(key) or "" for field, key in WAYS.items()}
    context, expected = config.get("context") or "", config.get("expectedClusterId") or ""
    given = {field: value for field, value in named.items() if value}
    if not given and not context and cluster != "kubeconfig":
        if expected:
            problems.append(f"{_name('expectedClusterId')}: the cluster of `make up` has its own; remove it")
        found = _try(lambda: read_record(str(record)), "cluster", problems)
        return TargetArgs(record=str(record)), found or Record()
    if len(given) != 1:
        keys = ", ".join(map(_name, (WAYS[field] for field in given or WAYS)))
        what = "name a cluster each; keep one of them" if given else "none of them names the cluster; set one of them"
        problems.append(f"{keys}: {what}")
        return TargetArgs(**given), Record()  # type: ignore[typeddict-item]
    args = TargetArgs(**given)  # type: ignore[typeddict-item]
    if context:
        args["context"] = context
    if expected:
        args["cluster_id"] = expected
    # What Target would refuse is told here, with the other problems and under the names that a stack file has.
    wrong: list[Problem] = []
    read(args, wrong)
    keys_of = {**WAYS, "cluster_id": "expectedClusterId"}
    problems += [
        f"{_name(keys_of.get(problem.path, problem.path))}: {problem.message}; {problem.remedy}" for problem in wrong
    ]
    return args, Record()


def _try(call: Callable[[], _T], key: str, problems: list[str]) -> _T | None:
    try:
        return call()
    except ValueError as error:
        problems.append(f"{_name(key)}: {error}")
        return None


def _name(key: str) -> str:
    return f"{PROJECT}:{key}"
