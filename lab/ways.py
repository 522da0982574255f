"""Which engine and which cluster a stack uses: chosen once, at its first `up`, recorded, and kept to.

Cluster: the one that the stack's config names; else kind, where Docker or Podman works; else a node of the lab's own
(root on a Debian-like Linux); else, without root, a control plane with simulated nodes. Engine: the official CLI where
it is on PATH, else the lab's, which works on the lab's clusters only. Later commands use what was recorded, or stop
and say how to move.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.errors import RefusedError
from lab.naming import DEFAULT_STACK, PROJECT
from lab.official import Backend, Cli, OwnBackend, UserBackend
from lab.official.backend import OWN, own_is_overridden
from lab.parts import Parts, Problem
from lab.record import Record

LAB, PULUMI = "lab", "pulumi"
NODE, KIND, SIMULATED, GIVEN = "node", "kind", "simulated", "given"
# In this order `auto` looks for one that works here.
OWN_CLUSTERS = (KIND, NODE, SIMULATED)
TITLES = {
    KIND: "a kind cluster (Docker or Podman)",
    NODE: "a node of the lab's own",
    SIMULATED: "a control plane of the lab's own with simulated nodes",
    GIVEN: "the cluster that the config names",
}
# Config keys by which a stack names a cluster that the lab did not make.
GIVEN_KEYS = ("kubeconfig", "context", "clusterStack", "kindCluster")
_ENGINES = ("auto", LAB, PULUMI)
_INSTALL = (
    "  install it       https://www.pulumi.com/docs/install/\n"
    "  choose a backend `pulumi login`, or `pulumi login --local`\n"
)


@dataclass(frozen=True)
class Wish:
    """What the stack's config says of its cluster."""

    stack: str
    cluster: str = "auto"
    """auto, one of OWN_CLUSTERS, or `given` (config key `cluster`: kubeconfig, or one of GIVEN_KEYS)."""
    kubeconfig: str = ""
    context: str = ""
    minor: str = ""
    """The Kubernetes minor of a cluster that the lab makes; empty for the lab's default."""
    keys: tuple[str, ...] = ()
    """The keys that name a given cluster."""

    @classmethod
    def read(cls, stack: str, config: Mapping[str, object]) -> "Wish":
        """Return the wish in a stack's config (full keys). `RefusedError` for a cluster or version of no known name."""
        text = {name: str(config.get(f"{PROJECT}:{name}") or "") for name in ("cluster", "kubeconfig", "context")}
        minor = _minor(stack, str(config.get(f"{PROJECT}:kubernetesVersion") or ""))
        cluster = text["cluster"] or "auto"
        if cluster not in ("auto", "kubeconfig", *OWN_CLUSTERS):
            raise RefusedError(
                f"Pulumi.{stack}.yaml: {PROJECT}:cluster is {cluster!r}; write one of auto, "
                f"{', '.join(OWN_CLUSTERS)}, kubeconfig."
            )
        keys = tuple(name for name in GIVEN_KEYS if config.get(f"{PROJECT}:{name}"))
        keys += ("cluster",) * (cluster == "kubeconfig")
        if not keys:
            return cls(stack, cluster, minor=minor)
        kubeconfig = text["kubeconfig"] if isinstance(config.get(f"{PROJECT}:kubeconfig"), str) else ""
        return cls(stack, GIVEN, kubeconfig, text["context"], minor, keys)


def cluster_for(wish: Wish, record: Record | None, parts: Parts) -> str:
    """Return the kind of cluster that the stack uses, recorded or chosen now.

    `RefusedError` where the config wants another than was recorded, or where nothing works on this machine.
    """
    if record is not None:
        if wish.cluster not in ("auto", record.cluster):
            raise RefusedError(
                f"Stack {wish.stack!r} runs on {TITLES[record.cluster]}; its config now asks for "
                f"{TITLES[wish.cluster]}. To move it, take it down first, with the config as it was: `make down`."
            )
        if wish.cluster == "auto" and record.cluster == GIVEN:
            raise RefusedError(
                f"Stack {wish.stack!r} runs on the cluster of {record.kubeconfig}, which its config no longer names. "
                "Name it again, or take the stack down there first."
            )
        return record.cluster
    if wish.cluster == GIVEN:
        return GIVEN
    candidates = OWN_CLUSTERS if wish.cluster == "auto" else (wish.cluster,)
    lacks: dict[str, list[Problem]] = {}
    for kind in candidates:
        lacks[kind] = parts.host_problems(kind, wish.minor)
        if not lacks[kind]:
            return kind
    raise RefusedError(_no_way(lacks))


def engine_for(wish: Wish, cluster: str, record: Record | None, cli: Cli | None, environment: Mapping[str, str]) -> str:
    """Return the engine that the stack uses, recorded or chosen now (`LAB_ENGINE`: auto, lab or pulumi).

    `RefusedError` where it is not here, where another one is asked for than made the stack, or where a cluster that
    the lab did not make meets the lab's engine.
    """
    wanted = environment.get("LAB_ENGINE") or "auto"
    if wanted not in _ENGINES:
        raise RefusedError(f"LAB_ENGINE is {wanted!r}; write one of {', '.join(_ENGINES)}.")
    if record is not None:
        if wanted not in ("auto", record.engine):
            raise RefusedError(
                f"LAB_ENGINE is {wanted!r}, but stack {wish.stack!r} was made with {_named(record.engine)}, which has "
                "its state. To move it: `make down` without LAB_ENGINE, then `make up` with it."
            )
        if record.engine == PULUMI and cli is None:
            raise RefusedError(
                f"Stack {wish.stack!r} was made with the official Pulumi CLI, which is not on PATH now. Put it there, "
                "or install it: https://www.pulumi.com/docs/install/"
            )
        return record.engine
    if cluster == GIVEN and (cli is None or wanted == LAB):
        raise RefusedError(_needs_cli(wish))
    if wanted == PULUMI and cli is None:
        raise RefusedError("LAB_ENGINE is 'pulumi', and there is no `pulumi` on PATH:\n" + _INSTALL.rstrip())
    return PULUMI if cli is not None and wanted != LAB else LAB


def backend_for(
    stack: str, folder: Path, record: Record | None, cli: Cli, environment: Mapping[str, str]
) -> tuple[Backend, str]:
    """Return the backend of a stack of the official CLI, and the name under which it is recorded.

    `RefusedError` where the CLI would use another than the recorded one, with the way to move.
    """
    own = OwnBackend(folder)
    recorded = record.backend if record else ""
    if recorded == OWN or (not recorded and stack == DEFAULT_STACK and not environment.get("PULUMI_BACKEND_URL")):
        other = own_is_overridden(own, environment)
        if other:
            raise RefusedError(_another_backend(stack, "the project's own backend", other))
        return own, OWN
    backend = UserBackend()
    name = backend.name(cli)
    if recorded and name != recorded:
        raise RefusedError(_another_backend(stack, recorded, name))
    return backend, name


def _minor(stack: str, minor: str) -> str:
    """Return the minor that the config names, or nothing. `RefusedError` for one that the lab does not make."""
    if minor:
        from lab.cluster import MINORS  # noqa: PLC0415  (most stacks name none)

        if minor not in MINORS:
            raise RefusedError(
                f"Pulumi.{stack}.yaml: {PROJECT}:kubernetesVersion is {minor!r}; write {' or '.join(MINORS)}, quoted."
            )
    return minor


def _another_backend(stack: str, recorded: str, now: str) -> str:
    return (
        f"The state of stack {stack!r} is in {recorded}; the official CLI would now use {now}. Log in to the first one "
        "(or unset PULUMI_BACKEND_URL). To move the state: `pulumi stack export` there, `pulumi stack import` here, "
        f"then remove .lab/{stack}/record.json."
    )


def _named(engine: str) -> str:
    return "the official Pulumi CLI" if engine == PULUMI else "the lab's own engine"


def _needs_cli(wish: Wish) -> str:
    named = " and ".join(f"`{PROJECT}:{name}`" for name in wish.keys)
    return (
        f"Pulumi.{wish.stack}.yaml names a cluster that the lab did not make ({named}). The lab's own engine works on "
        "its own clusters only; any other cluster needs the official Pulumi CLI:\n"
        f"{_INSTALL}"
        f"  deploy           `make up STACK={wish.stack}`, or `pulumi up --stack {wish.stack}`\n"
        "Or remove those keys from the file to deploy to a cluster of the lab's own."
    )


def _no_way(lacks: Mapping[str, list[Problem]]) -> str:
    lines = []
    for kind, problems in lacks.items():
        lines.append(f"{TITLES[kind]}:")
        lines += [f"  - {problem.what}\n    {problem.remedy}" for problem in problems]
    head = "This machine lacks something for every kind of cluster that the lab can make. One of them is enough:"
    return "\n".join([head if len(lacks) > 1 else "This machine lacks something:", *lines])
