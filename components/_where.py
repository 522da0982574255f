"""What a Target's arguments mean: the connection to a cluster, or everything that keeps them from meaning one."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict, cast

import pulumi
from pulumi_kubernetes import Provider

from components._live import mocked
from components._shape import later
from components.actions import kubeconfig as kubeconfigs
from components.model.problem import Problem

# What a cluster stack stands for in unit tests whose mocks give it no outputs.
_MOCKED = "apiVersion: v1\nkind: Config\n"
_WAYS = ("record", "kubeconfig", "stack", "kind")


def provider_of(
    name: str, connection: pulumi.Output[Any], context: Any, opts: pulumi.ResourceOptions, **settings: Any
) -> Provider:
    """Return a provider for the cluster of a connection, which is a secret.

    Its identity is the stack's, so that a rebuilt or moved cluster replaces nothing.
    """
    return Provider(
        name,
        kubeconfig=connection.apply(lambda known: known["kubeconfig"]),
        context=context,
        cluster_identifier=f"{pulumi.get_project()}/{pulumi.get_stack()}",
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(additional_secret_outputs=["kubeconfig"])),
        **settings,
    )


def provider_for(component: pulumi.ComponentResource, name: str, connection: Any) -> Provider | None:
    """Return a provider for the connection of a component that was given none; None where it was, or has neither.

    Without one, Pulumi would deploy to whatever cluster the caller's own kubeconfig names at the moment.
    """
    if connection is None or component.get_provider("kubernetes:core/v1:Pod") is not None:
        return None
    return provider_to(name, connection, pulumi.ResourceOptions(parent=component))


def provider_to(name: str, connection: Any, opts: pulumi.ResourceOptions, **settings: Any) -> Provider:
    """Return a provider for a connection as components take it."""
    known = pulumi.Output.secret(connection)
    context = pulumi.Output.unsecret(known.apply(lambda found: found.get("context")))
    return provider_of(name, known, context, opts, **settings)


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


def read(args: Mapping[str, Any], problems: list[Problem]) -> dict[str, Any]:
    """Return the connection that the arguments mean; add to the problems what keeps them from meaning one."""
    ways = [way for way in _WAYS if args.get(way) is not None]
    if len(ways) != 1:
        message = f"{' and '.join(ways)} are given" if ways else "none of them is given"
        problems.append(Problem(", ".join(_WAYS), message, "write exactly one of them"))
        return {}
    (way,) = ways
    given: dict[str, Any] = {key: args.get(key) for key in ("kubeconfig", "context", "cluster_id")}
    if way == "record":
        beside = [key for key in ("context", "cluster_id") if given[key] is not None]
        if beside:
            problems.append(Problem(", ".join(beside), "the record has its own", "leave it out beside record"))
    if way != "kubeconfig" and not isinstance(args[way], str):
        problems.append(Problem(way, "it is not known before the deployment", "write its value itself"))
    if problems:
        return {}
    if way == "stack":
        parts = str(args["stack"]).split("/")
        if len(parts) != 3 or not all(parts):
            problems.append(
                Problem(
                    "stack", f"{args['stack']!r} is no full name of a stack", "write <organization>/<project>/<stack>"
                )
            )
        return without_none(given)
    return _loaded(way, args, given, problems)


def _loaded(way: str, args: Mapping[str, Any], given: dict[str, Any], problems: list[Problem]) -> dict[str, Any]:
    """Return the connection of a kubeconfig that is here, or comes as a value of the deployment."""
    try:
        if way == "record":
            record: Mapping[str, Any] = read_record(str(args["record"]))
            given = {key: record.get(key) or None for key in given}
        elif way == "kind":
            given["kubeconfig"] = kubeconfigs.of_kind(str(args["kind"]))
        if later(given["kubeconfig"]) or later(given["context"]):
            # Content that comes with the deployment, such as a new cluster's: checked once it is there.
            content = pulumi.Output.all(given["kubeconfig"], given["context"]).apply(lambda known: _content(*known))
            return {**without_none(given), "kubeconfig": content}
        return {**without_none(given), "kubeconfig": kubeconfigs.read(given["kubeconfig"], given["context"])}
    except ValueError as error:
        problems.append(_problem(way, error))
        return {}


def from_stack(stack: pulumi.StackReference, given: Mapping[str, Any]) -> pulumi.Output[dict[str, Any]]:
    """Return the connection that another stack's outputs mean; the arguments go before the outputs."""
    outputs: pulumi.Output[Any] = pulumi.Output.all(
        stack.name, stack.outputs, given.get("context"), given.get("cluster_id")
    )

    def connection(values: Any) -> dict[str, Any]:
        if values[1] is None and mocked():
            return without_none({"kubeconfig": _MOCKED, "context": values[2], "cluster_id": values[3]})
        try:
            return connection_from_outputs(*values)
        except ValueError as error:
            raise pulumi.RunError(str(error)) from None

    return outputs.apply(connection)


def connection_from_outputs(
    stack: str, outputs: Mapping[str, Any], context: Any = None, cluster_id: Any = None
) -> dict[str, Any]:
    """Return the connection that a cluster stack's outputs mean; what is given goes before the outputs.

    ValueError tells what is missing or wrong, with the remedy.
    """
    exported = outputs.get("kubeconfig")
    if not exported:
        others = ", ".join(sorted(outputs)) or "none"
        raise ValueError(
            f"the stack {stack} has no output `kubeconfig` (its outputs: {others}): export one there, as the cluster "
            "programs in examples/ do, and deploy it"
        )
    # pulumi-eks exports an object, others text.
    text = exported if isinstance(exported, str) else json.dumps(exported)
    chosen = context or outputs.get("context")
    meant = cluster_id or outputs.get("clusterId")
    kubeconfig = kubeconfigs.read(text, chosen)
    return without_none({"kubeconfig": kubeconfig, "context": chosen, "cluster_id": meant})


def _content(kubeconfig: str, context: str | None) -> str:
    try:
        return kubeconfigs.read(kubeconfig, context)
    except ValueError as error:
        raise pulumi.RunError(str(error)) from None


def without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is there of some values."""
    return {key: value for key, value in values.items() if value is not None}


def _problem(path: str, error: ValueError) -> Problem:
    message, _, remedy = str(error).partition(": ")
    return Problem(path, message, remedy or "correct it")
