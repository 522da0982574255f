"""Target: the one place that knows where a stack deploys."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict, cast

import pulumi
from pulumi import Input
from pulumi_kubernetes import Provider

from components._args import ConnectionArgs
from components._errors import InvalidArgs
from components._shape import check, later
from components.actions.connection import Connection, load_kubeconfig
from components.model.problem import Problem


class TargetArgs(TypedDict, total=False):
    """Arguments of Target: `record`, or `kubeconfig` with or without the rest."""

    kubeconfig: Input[str]
    """Path or content of a kubeconfig. It becomes a secret."""
    context: Input[str]
    """The kubeconfig's context; its current one by default."""
    cluster_id: Input[str]
    """UID that the cluster's namespace kube-system must have: live work on any other cluster stops. Unchecked by
    default; a record brings its own."""
    record: Input[str]
    """Path of the record that `make up` leaves (`.lab/<stack>/record.json`), in place of all the others."""


class Target(pulumi.ComponentResource):
    """The cluster that a stack deploys to.

    1. Creates: one `kubernetes.Provider`. Its `cluster_identifier` is `<project>/<stack>`, so that a rebuilt or moved
       cluster does not replace every object that stands on it.
    2. Refuses, before anything is registered: a missing or malformed kubeconfig or record, an unknown context, a login
       program (exec plugin) that is not installed.
    3. Opens no connection of its own and changes nothing on the cluster.
    4. In Python, `provider` is that provider, for `ResourceOptions(provider=target.provider)`.
    5. The kubeconfig is a secret from its first line on: in state, in outputs and in logs.
    """

    connection: pulumi.Output[ConnectionArgs]
    """What workload components take as `connection`; a secret."""

    def __init__(self, name: str, args: TargetArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raise InvalidArgs for a cluster that cannot be meant, else register the provider."""
        problems = check(args, TargetArgs)
        found: dict[str, Any] = {} if problems else _read(args, problems)
        if problems:
            raise InvalidArgs("Target", name, problems)
        super().__init__("kubernetes-emerging:index:Target", name, {}, opts)
        connection: pulumi.Output[Any] = pulumi.Output.secret(found)
        self.provider: Provider = Provider(
            name,
            kubeconfig=connection.apply(lambda known: known["kubeconfig"]),
            context=found.get("context"),
            cluster_identifier=f"{pulumi.get_project()}/{pulumi.get_stack()}",
            opts=pulumi.ResourceOptions(parent=self, additional_secret_outputs=["kubeconfig"]),
        )
        self.connection = connection
        self.register_outputs({"connection": connection})


def connection_of(args: TargetArgs) -> Connection:
    """Return the connection that a Target of these plain arguments has: for a look before anything is registered.

    Raises InvalidArgs where Target would. Opens no connection.
    """
    problems = check(args, TargetArgs)
    found: dict[str, Any] = {} if problems else _read(args, problems)
    if problems:
        raise InvalidArgs("Target", "connection", problems)
    return Connection(found["kubeconfig"], found.get("context"), found.get("cluster_id"))


class Record(TypedDict, total=False):
    """What `make up` remembers of a stack's cluster."""

    kubeconfig: str
    context: str
    cluster_id: str
    platform: str


def read_record(path: str) -> Record:
    """Return the record at a path; raise ValueError with the remedy when there is none that can be read."""
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"no cluster is recorded at {path}: run `make up`, or name a kubeconfig") from None
    except OSError as error:
        raise ValueError(f"the record {path} cannot be read ({error.strerror}): run `make up` again") from None
    except ValueError:
        raise ValueError(f"the record {path} is not JSON: run `make up` again") from None
    if not isinstance(record, dict) or not isinstance(record.get("kubeconfig"), str):
        raise ValueError(f"the record {path} names no kubeconfig: run `make up` again")  # noqa: TRY004  # a file's
    fields = ("kubeconfig", "context", "cluster_id", "platform")
    return cast(Record, {key: record[key] for key in fields if isinstance(record.get(key), str)})


def _read(args: TargetArgs, problems: list[Problem]) -> dict[str, Any]:
    """Return the connection that the arguments mean; add to the problems what keeps them from meaning one."""
    path, kubeconfig = args.get("record"), args.get("kubeconfig")
    given: dict[str, Any] = {key: args.get(key) for key in ("kubeconfig", "context", "cluster_id")}
    if (path is None) == (kubeconfig is None):
        message = "both are given" if path is not None else "neither is given"
        problems.append(Problem("kubeconfig, record", message, "write exactly one of them"))
        return {}
    if path is not None:
        beside = [key for key in ("context", "cluster_id") if given[key] is not None]
        if beside:
            problems.append(Problem(", ".join(beside), "the record has its own", "leave it out beside record"))
        if not isinstance(path, str):
            problems.append(Problem("record", "it is not known before the deployment", "write the path itself"))
            return {}
        try:
            record: Mapping[str, Any] = read_record(path)
        except ValueError as error:
            problems.append(_problem("record", error))
            return {}
        given = {key: record.get(key) for key in given}
    if later(given["kubeconfig"]) or later(given["context"]):
        # Content that comes with the deployment, such as a new cluster's: checked once it is there.
        content = pulumi.Output.all(given["kubeconfig"], given["context"]).apply(
            lambda known: load_kubeconfig(known[0], known[1]).kubeconfig
        )
        return {**_given(given), "kubeconfig": content}
    try:
        loaded = load_kubeconfig(given["kubeconfig"], given["context"])
    except ValueError as error:
        problems.append(_problem("record" if path is not None else "kubeconfig", error))
        return {}
    return {**_given(given), "kubeconfig": loaded.kubeconfig}


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _problem(path: str, error: ValueError) -> Problem:
    message, _, remedy = str(error).partition(": ")
    return Problem(path, message, remedy or "correct it")
