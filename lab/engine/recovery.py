"""What an interrupted run left: each operation that never ended is looked up in the cluster and settled.

1. creating: the object exists and that very create made it: it comes into the state, to be updated by the next
   step (nobody saw it become ready). Otherwise nothing was made, or somebody else's object is in the way.
2. updating: whether it happened cannot be told, so the resource is updated again even if nothing changed.
3. deleting: gone, or going: it leaves the state. Untouched: it stays.
4. A local command, in any of these: it runs again, for nobody can tell how far it came.
"""

from lab.engine.handlers import Handlers
from lab.engine.kubernetes import Kubernetes
from lab.engine.manifests import made_by, object_id
from lab.engine.providers import is_provider
from lab.engine.report import Report
from lab.engine.state import Operation, State
from lab.engine.values import secret

_INTERRUPTED = "the run that {} it was interrupted"


def recover(state: State, handlers: Handlers, report: Report) -> None:
    """Settle every unfinished operation. EngineError or StepError when the cluster cannot be asked."""
    for operation in list(state.operations.values()):
        resource = operation.resource
        report.message("info", f"an interrupted run left this {operation.type}; settling it", resource["urn"])
        provider = None if is_provider(resource["type"]) else handlers.of_resource(resource)
        if operation.type == "updating":
            _updated(state, operation)
        elif not isinstance(provider, Kubernetes):
            # A provider exists in the state alone. What a command did nobody knows: it runs again.
            state.finish(operation)
        elif operation.type == "creating":
            _created(state, operation, provider)
        else:
            _deleted(state, operation, provider)


def pending(state: State, report: Report) -> None:
    """Tell of unfinished operations and settle nothing: for previews."""
    for operation in state.operations.values():
        text = f"an interrupted run left this {operation.type}; the next up settles it"
        report.message("warning", text, operation.resource["urn"])


def _created(state: State, operation: Operation, provider: Kubernetes) -> None:
    resource = operation.resource
    live = provider.find(resource["inputs"])
    if live is None or not made_by(resource["inputs"], live, operation.since):
        state.finish(operation)
        return
    outputs = provider.outputs(resource["inputs"], live, provider.new_manager(resource["inputs"]))
    for key in resource.get("additionalSecretOutputs", []):
        if key in outputs:
            outputs[key] = secret(outputs[key])
    errors = [_INTERRUPTED.format("created")]
    adopted = {**resource, "id": object_id(live), "outputs": outputs, "initErrors": errors}
    old = state.live(resource["urn"])
    outlived = [(old[0], {**old[1], "delete": True})] if old else []
    state.finish(operation, [(None, adopted), *outlived])


def _updated(state: State, operation: Operation) -> None:
    row = operation.resource_row
    if row is None or row not in state.resources:
        state.finish(operation)
        return
    marked = {**state.resources[row], "initErrors": [_INTERRUPTED.format("updated")]}
    state.finish(operation, [(row, marked)])


def _deleted(state: State, operation: Operation, provider: Kubernetes) -> None:
    row = operation.resource_row
    live = provider.find(operation.resource["outputs"])
    uid = operation.resource["outputs"]["metadata"].get("uid")
    going = live is not None and live["metadata"].get("deletionTimestamp")
    if live is not None and live["metadata"].get("uid") == uid and going:
        provider.delete(operation.resource["inputs"], operation.resource["outputs"], seconds=None, say=lambda _: None)
    gone = live is None or live["metadata"].get("uid") != uid or bool(going)
    state.finish(operation, drop=[row] if gone and row is not None else [])
