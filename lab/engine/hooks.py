"""Resource hooks: the program's own functions, called back around the steps of a resource."""

import threading
from dataclasses import dataclass
from typing import Literal

import grpc
from pulumi.runtime.proto import callback_pb2, callback_pb2_grpc, resource_pb2

from lab.engine.errors import StepError
from lab.engine.model import Goal
from lab.engine.report import Report
from lab.engine.values import Object, to_struct

When = Literal["BeforeCreate", "AfterCreate", "BeforeUpdate", "AfterUpdate"]


@dataclass(frozen=True, slots=True)
class Hook:
    """A registered hook: where to call it, and how."""

    target: str
    token: str
    on_dry_run: bool
    ignore_errors: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """What a hook is told of its resource; None for what does not exist at that time."""

    urn: str
    id: str = ""
    new_inputs: Object | None = None
    old_inputs: Object | None = None
    new_outputs: Object | None = None
    old_outputs: Object | None = None


class Hooks:
    """The hooks that the program registered, by their name, which is unique in a run."""

    def __init__(self, report: Report, *, dry_run: bool) -> None:
        self._report = report
        self._dry_run = dry_run
        self._hooks: dict[str, Hook] = {}
        self._channels: dict[str, grpc.Channel] = {}
        self._lock = threading.Lock()

    def register(self, name: str, hook: Hook) -> None:
        """Remember a hook. StepError when the name is taken."""
        with self._lock:
            if name in self._hooks:
                raise StepError(f'resource hook already registered for name "{name}"')
            self._hooks[name] = hook

    def require(self, goal: Goal) -> None:
        """Raise StepError when a resource names a hook that nobody registered."""
        for names in goal.hooks.values():
            for name in names:
                if name not in self._hooks:
                    raise StepError(f'resource hook "{name}" was not registered')

    def run(self, when: When, goal: Goal, seen: Seen) -> None:
        """Call the resource's hooks of one kind, one after the other. StepError when one of them fails."""
        for name in goal.hooks.get(when, []):
            hook = self._hooks[name]
            if self._dry_run and not hook.on_dry_run:
                continue
            error = self._call(hook, goal, seen)
            if error:
                timing = "before" if when.startswith("Before") else "after"
                message = f'{timing} hook "{name}" failed: {error}'
                if not hook.ignore_errors:
                    raise StepError(message)
                self._report.message("warning", message, seen.urn)

    def _call(self, hook: Hook, goal: Goal, seen: Seen) -> str:
        request = resource_pb2.ResourceHookRequest(urn=seen.urn, id=seen.id, name=goal.name, type=goal.type)
        for field in ("new_inputs", "old_inputs", "new_outputs", "old_outputs"):
            value: Object | None = getattr(seen, field)
            if value is not None:
                getattr(request, field).CopyFrom(to_struct(value))
        stub = callback_pb2_grpc.CallbacksStub(self._channel(hook.target))
        try:
            answer = stub.Invoke(
                callback_pb2.CallbackInvokeRequest(token=hook.token, request=request.SerializeToString())
            )
        except grpc.RpcError as error:
            return f"the program did not answer ({error.details() or error.code().name})"
        return resource_pb2.ResourceHookResponse.FromString(answer.response).error

    def _channel(self, target: str) -> grpc.Channel:
        with self._lock:
            if target not in self._channels:
                options = [
                    ("grpc.max_receive_message_length", -1),
                    ("grpc.max_send_message_length", -1),
                    ("grpc.enable_http_proxy", 0),
                ]
                self._channels[target] = grpc.insecure_channel(target, options=options)
            return self._channels[target]

    def close(self) -> None:
        """Close the connections to the program."""
        for channel in self._channels.values():
            channel.close()
