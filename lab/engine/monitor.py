"""The two services that the SDK in the program talks to: the resource monitor and the engine's log."""

import threading
from typing import Any, Protocol

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import (
    callback_pb2,
    engine_pb2,
    engine_pb2_grpc,
    provider_pb2,
    resource_pb2,
    resource_pb2_grpc,
)

from lab.engine.doing import Registered
from lab.engine.errors import EngineError, StepError, Unsupported
from lab.engine.gate import Gate, Stopped
from lab.engine.goals import read_goal
from lab.engine.hooks import Hook, Hooks
from lab.engine.model import Goal, Severity
from lab.engine.report import Report
from lab.engine.values import Object, from_struct, to_struct

_GET_RESOURCE = "pulumi:pulumi:getResource"
Context = Any  # grpc has no types: grpc.ServicerContext
_FEATURES = {
    "secrets": resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
    "resourceReferences": resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
    "aliasSpecs": resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
    "resourceHooks": resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS,
    "errorHooks": resource_pb2.RESOURCE_MONITOR_FEATURE_ERROR_HOOKS,
}
_SEVERITY: dict[int, Severity] = {
    engine_pb2.DEBUG: "debug",
    engine_pb2.INFO: "info",
    engine_pb2.WARNING: "warning",
    engine_pb2.ERROR: "error",
}


class Registrar(Protocol):
    """What does the registrations (steps.Steps)."""

    def register(self, goal: Goal) -> Registered:
        """Bring one resource to its goal."""
        ...

    def register_outputs(self, urn: str, outputs: Object) -> None:
        """Record a component's outputs."""
        ...

    def urn(self, goal: Goal) -> str:
        """Return the URN that a goal has."""
        ...


class Monitor(resource_pb2_grpc.ResourceMonitorServicer):
    """Serves registrations. A failed one ends the run: its caller waits for the steps in flight, then hangs up."""

    def __init__(self, registrar: Registrar, hooks: Hooks, gate: Gate, report: Report, info: Object) -> None:
        self._registrar = registrar
        self._hooks = hooks
        self._gate = gate
        self._report = report
        self._info = info
        self._registered: dict[str, Registered] = {}
        self.program_done = threading.Event()
        self.may_exit = threading.Event()

    def GetDeploymentInfo(self, request: empty_pb2.Empty, context: Context) -> resource_pb2.DeploymentInfo:  # noqa: ARG002, N802
        """Tell the SDK which features of the protocol it may use."""
        return resource_pb2.DeploymentInfo(supportedFeatures=list(_FEATURES.values()), **self._info)

    def SupportsFeature(  # noqa: N802
        self,
        request: resource_pb2.SupportsFeatureRequest,
        context: Context,  # noqa: ARG002
    ) -> resource_pb2.SupportsFeatureResponse:
        """Tell older SDKs the same, one by one."""
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id in _FEATURES)

    def RegisterResource(  # noqa: N802
        self, request: resource_pb2.RegisterResourceRequest, context: Context
    ) -> resource_pb2.RegisterResourceResponse:
        """Bring one resource to what the program wants."""
        urn = ""
        try:
            goal = read_goal(request)
            urn = self._registrar.urn(goal)
            done = self._registrar.register(goal)
        except Stopped:
            self._hang_up(context)
        except Exception as error:  # noqa: BLE001 (whatever it is, the run ends and says so)
            self._fail(error, urn, context)
        self._registered[done.urn] = done
        return resource_pb2.RegisterResourceResponse(urn=done.urn, id=done.id, object=to_struct(done.outputs))

    def RegisterResourceOutputs(  # noqa: N802
        self, request: resource_pb2.RegisterResourceOutputsRequest, context: Context
    ) -> empty_pb2.Empty:
        """Record the outputs of a component or of the stack."""
        if self._gate.stopped.is_set():
            self._hang_up(context)
        try:
            self._registrar.register_outputs(request.urn, from_struct(request.outputs))
        except Exception as error:  # noqa: BLE001 (whatever it is, the run ends and says so)
            self._fail(error, request.urn, context)
        return empty_pb2.Empty()

    def RegisterResourceHook(  # noqa: N802
        self, request: resource_pb2.RegisterResourceHookRequest, context: Context
    ) -> empty_pb2.Empty:
        """Remember a hook of the program."""
        callback = request.callback
        try:
            hook = Hook(callback.target, callback.token, request.on_dry_run, request.ignore_errors)
            self._hooks.register(request.name, hook)
        except StepError as error:
            context.abort(grpc.StatusCode.ALREADY_EXISTS, str(error))
        return empty_pb2.Empty()

    def SignalAndWaitForShutdown(self, request: empty_pb2.Empty, context: Context) -> empty_pb2.Empty:  # noqa: ARG002, N802
        """Keep the program, whose hooks may still be called, until the engine is done."""
        self.program_done.set()
        self.may_exit.wait()
        return empty_pb2.Empty()

    def _fail(self, error: Exception, urn: str, context: Context) -> None:
        expected = isinstance(error, StepError | EngineError)
        self._report.message("error", str(error) if expected else f"{type(error).__name__}: {error}", urn)
        self._gate.stop()
        self._hang_up(context)

    def _hang_up(self, context: Context) -> None:
        self._gate.wait_idle()
        context.abort(grpc.StatusCode.UNAVAILABLE, "the run ends")

    def _refuse(self, feature: str, context: Context) -> None:
        self._fail(Unsupported(feature), "", context)

    def Invoke(self, request: resource_pb2.ResourceInvokeRequest, context: Context) -> provider_pb2.InvokeResponse:  # noqa: N802
        """Return a resource of this run to a component that got a reference to it; refuse functions of providers."""
        found = self._registered.get(str(from_struct(request.args).get("urn")))
        if request.tok != _GET_RESOURCE or found is None:
            self._refuse(f"the provider function {request.tok}", context)
            return provider_pb2.InvokeResponse()
        response = provider_pb2.InvokeResponse()
        # The field's name is a word of Python's own.
        getattr(response, "return").CopyFrom(to_struct({"urn": found.urn, "id": found.id, "state": found.outputs}))
        return response

    def Call(self, request: resource_pb2.ResourceCallRequest, context: Context) -> provider_pb2.CallResponse:  # noqa: N802
        """Refuse methods of remote components."""
        self._refuse(f"the method {request.tok}", context)
        return provider_pb2.CallResponse()

    def ReadResource(  # noqa: N802
        self, request: resource_pb2.ReadResourceRequest, context: Context
    ) -> resource_pb2.ReadResourceResponse:
        """Refuse reading resources that the program does not own."""
        self._refuse(f"reading existing resources ({request.type}.get)", context)
        return resource_pb2.ReadResourceResponse()

    def RegisterPackage(  # noqa: N802
        self, request: resource_pb2.RegisterPackageRequest, context: Context
    ) -> resource_pb2.RegisterPackageResponse:
        """Refuse parameterized packages."""
        self._refuse(f"the parameterized package {request.name}", context)
        return resource_pb2.RegisterPackageResponse()

    def RegisterErrorHook(  # noqa: N802
        self, request: resource_pb2.RegisterErrorHookRequest, context: Context
    ) -> empty_pb2.Empty:
        """Remember a hook of the program that decides about another try."""
        try:
            hook = Hook(request.callback.target, request.callback.token, on_dry_run=False, ignore_errors=False)
            self._hooks.register_error_hook(request.name, hook)
        except StepError as error:
            context.abort(grpc.StatusCode.ALREADY_EXISTS, str(error))
        return empty_pb2.Empty()

    def RegisterStackTransform(self, request: callback_pb2.Callback, context: Context) -> empty_pb2.Empty:  # noqa: ARG002, N802
        """Refuse transforms."""
        self._refuse("resource transforms", context)
        return empty_pb2.Empty()


class Engine(engine_pb2_grpc.EngineServicer):
    """Serves the program's log, and the root resource that older SDKs ask for."""

    def __init__(self, report: Report, gate: Gate) -> None:
        self._report = report
        self._gate = gate
        self._root = ""

    def Log(self, request: engine_pb2.LogRequest, context: Context) -> empty_pb2.Empty:  # noqa: ARG002, N802
        """Show a message of the program on the row of its resource."""
        hung_up = self._gate.stopped.is_set() and "Resource monitor has terminated" in request.message
        if not hung_up:
            self._report.message(_SEVERITY[request.severity], request.message, request.urn, ephemeral=request.ephemeral)
        return empty_pb2.Empty()

    def GetRootResource(  # noqa: N802
        self,
        request: engine_pb2.GetRootResourceRequest,  # noqa: ARG002
        context: Context,  # noqa: ARG002
    ) -> engine_pb2.GetRootResourceResponse:
        """Return the URN of the stack."""
        return engine_pb2.GetRootResourceResponse(urn=self._root)

    def SetRootResource(  # noqa: N802
        self,
        request: engine_pb2.SetRootResourceRequest,
        context: Context,  # noqa: ARG002
    ) -> engine_pb2.SetRootResourceResponse:
        """Remember the URN of the stack."""
        self._root = request.urn
        return engine_pb2.SetRootResourceResponse()

    def RequirePulumiVersion(  # noqa: N802
        self,
        request: engine_pb2.RequirePulumiVersionRequest,  # noqa: ARG002
        context: Context,  # noqa: ARG002
    ) -> engine_pb2.RequirePulumiVersionResponse:
        """Agree: this engine is of the same release as the program, and of no version of the official CLI."""
        return engine_pb2.RequirePulumiVersionResponse()
