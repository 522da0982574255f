"""Resource hooks: the program's own functions, called back around the steps of a resource."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import grpc
from pulumi.runtime.proto import callback_pb2, callback_pb2_grpc, resource_pb2

from lab.engine.errors import StepError
from lab.engine.model import Goal, name_of
from lab.engine.report import Report
from lab.engine.values import Object, to_struct

When = Literal["BeforeCreate", "AfterCreate", "BeforeUpdate", "AfterUpdate"]
Operation = Literal["create", "update", "delete"]
T = TypeVar("T")
ON_ERROR = "OnError"
_MOST = 100
"""How often an operation is tried at most, as in the official engine."""


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
        self._error_hooks: dict[str, Hook] = {}
        self._channels: dict[str, grpc.Channel] = {}
        self._lock = threading.Lock()

    def register(self, name: str, hook: Hook) -> None:
        """Remember a hook. StepError when the name is taken."""
        with self._lock:
            if name in self._hooks:
                raise StepError(f'resource hook already registered for name "{name}"')
            self._hooks[name] = hook

    def register_error_hook(self, name: str, hook: Hook) -> None:
        """Remember a hook that decides about another try. StepError when the name is taken."""
        with self._lock:
            if name in self._error_hooks:
                raise StepError(f'error hook already registered for name "{name}"')
            self._error_hooks[name] = hook

    def require(self, goal: Goal) -> None:
        """Raise StepError when a resource names a hook that nobody registered."""
        for when, names in goal.hooks.items():
            kind, known = ("error", self._error_hooks) if when == ON_ERROR else ("resource", self._hooks)
            for name in names:
                if name not in known:
                    raise StepError(f'{kind} hook "{name}" was not registered')

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
        try:
            return resource_pb2.ResourceHookResponse.FromString(self._invoke(hook, request)).error
        except StepError as error:
            return str(error)

    def retried(self, operation: Operation, resource: Object, seen: Seen, attempt: Callable[[], T]) -> T:
        """Do `attempt`, and again for as long as one of the resource's `on_error` hooks says so after a failure.

        The hooks are told all errors, the newest first. Raises the last StepError when none wants another try, and
        one of its own when a hook fails or there were too many tries. A preview calls no such hook, and a resource
        that an earlier program made has none where this one does not register it.
        """
        found = resource.get("resourceHooks", {}).get(ON_ERROR, [])
        names = [] if self._dry_run else [name for name in found if name in self._error_hooks]
        errors: list[str] = []
        while True:
            try:
                return attempt()
            except StepError as error:
                errors.insert(0, str(error))
                if not names:
                    raise
                if len(errors) >= _MOST:
                    raise StepError(f"maximum number of error hook retries reached; the last error: {error}") from error
                # Every hook is asked, so that each sees every error.
                answers = [self._wants_retry(name, operation, resource, seen, errors) for name in names]
                if not any(answers):
                    raise

    def _wants_retry(self, name: str, operation: Operation, resource: Object, seen: Seen, errors: list[str]) -> bool:
        request = resource_pb2.ErrorHookRequest(
            urn=seen.urn,
            id=seen.id,
            name=name_of(seen.urn),
            type=resource["type"],
            failed_operation=operation,
            errors=errors,
        )
        for field in ("new_inputs", "old_inputs", "old_outputs"):
            value: Object | None = getattr(seen, field)
            if value is not None:
                getattr(request, field).CopyFrom(to_struct(value))
        answer = resource_pb2.ErrorHookResponse.FromString(self._invoke(self._error_hooks[name], request))
        if answer.error:
            raise StepError(f'{errors[0]}\nerror hook "{name}" failed: {answer.error}')
        return bool(answer.retry)

    def _invoke(self, hook: Hook, request: Any) -> bytes:
        stub = callback_pb2_grpc.CallbacksStub(self._channel(hook.target))
        try:
            asked = callback_pb2.CallbackInvokeRequest(token=hook.token, request=request.SerializeToString())
            answer: bytes = stub.Invoke(asked).response
        except grpc.RpcError as error:
            raise StepError(f"the program did not answer ({error.details() or error.code().name})") from error
        return answer

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
