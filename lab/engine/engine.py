"""The engine: preview, up, refresh, destroy and outputs of one stack."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import grpc
from pulumi.runtime.proto import engine_pb2_grpc, resource_pb2_grpc

from lab.engine import monitor, values
from lab.engine.config import Project, read_project
from lab.engine.deletion import Deletion
from lab.engine.errors import EngineError, StepError
from lab.engine.gate import Gate, Stopped
from lab.engine.handlers import Handlers
from lab.engine.hooks import Hooks
from lab.engine.lock import Lock
from lab.engine.model import STACK, Action, Summary
from lab.engine.naming import Naming
from lab.engine.processes import Processes
from lab.engine.program import Program, Settings
from lab.engine.providers import Providers
from lab.engine.recovery import pending, recover
from lab.engine.refresh import Refresh
from lab.engine.report import Display, Report
from lab.engine.runner import TOLD
from lab.engine.state import State
from lab.engine.steps import Steps
from lab.engine.values import Object

PARALLEL = 32
_THREADS = 64
_GRACE = 10.0


class Engine:
    """Runs the Pulumi program in `project_dir` for one stack, with its state in `state_dir`.

    `python` is the interpreter with the program's packages; `config` (keys with or without `project:`) stands in
    the place of the stack's file. Every method raises EngineError when a run cannot begin; what fails inside a
    run is in its Summary. Ctrl-C once ends a run after the steps in flight, twice at once.
    """

    def __init__(
        self,
        project_dir: Path,
        stack: str,
        state_dir: Path,
        display: Display,
        python: Path = Path(sys.executable),
        config: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = project_dir.resolve()
        self._stack = stack
        self._state_dir = state_dir.resolve()
        self._display = display
        self._python = python
        self._config = None if config is None else dict(config)

    def preview(self) -> Summary:
        """Tell what `up` would do; changes nothing."""
        return self._run("preview", self._run_program)

    def up(self) -> Summary:
        """Bring the cluster to what the program says."""
        return self._run("up", self._run_program)

    def refresh(self) -> Summary:
        """Bring the state to what is in the cluster; changes nothing there, and the program does not run."""
        return self._run("refresh", self._refresh)

    def destroy(self) -> Summary:
        """Delete everything in the state; the program does not run."""
        return self._run("destroy", self._destroy)

    def outputs(self, *, show_secrets: bool = False) -> Object:
        """Return the stack's outputs of the last run, secrets as `[secret]` unless asked for."""
        state = State(self._state_dir, readonly=True)
        for resource in state.resources.values():
            if resource["type"] == STACK:
                outputs: Object = resource.get("outputs", {})
                found: Object = values.reveal(outputs) if show_secrets else values.hide(outputs)
                return found
        return {}

    def _run(self, action: Action, work: "Callable[[_Run], None]") -> Summary:
        project = read_project(self._folder, self._stack, self._config)
        began = time.monotonic()
        with Lock(self._state_dir, action) as lock:
            state = State(self._state_dir, readonly=action == "preview")
            summary = Summary(action)
            run = _Run(project, state, Report(self._display, summary), Gate(PARALLEL), lock, self._folder)
            self._display.begin(summary, self._stack)
            try:
                with run.interruptible():
                    self._guarded(run, work)
            finally:
                state.close()
            summary.seconds = time.monotonic() - began
        self._display.end(summary)
        return summary

    @staticmethod
    def _guarded(run: "_Run", work: "Callable[[_Run], None]") -> None:
        report = run.report
        try:
            if report.summary.action == "preview":
                pending(run.state, report)
            else:
                recover(run.state, run.handlers, report)
            work(run)
        except Stopped:
            pass  # who stopped the run has said why
        except (StepError, EngineError) as error:
            if report.summary.ok:
                report.message("error", str(error))
        if run.cancelled:
            report.summary.cancelled = True
            report.message("error", "the run was cancelled; run the same command again to go on")

    def _destroy(self, run: "_Run") -> None:
        for resource in run.state.resources.values():
            if resource["type"] == STACK:
                run.report.summary.old_outputs = resource.get("outputs", {})
        Deletion(run.state, run.report, run.handlers, run.hooks, run.gate, dry_run=False).run(dict(run.state.resources))

    @staticmethod
    def _refresh(run: "_Run") -> None:
        Refresh(run.state, run.report, run.handlers, run.gate).run()

    def _run_program(self, run: "_Run") -> None:
        dry_run = run.report.summary.action == "preview"
        steps = Steps(
            naming=Naming(f"urn:pulumi:{self._stack}::{run.project.name}::"),
            state=run.state,
            report=run.report,
            gate=run.gate,
            hooks=run.hooks,
            providers=run.providers,
            handlers=run.handlers,
            dry_run=dry_run,
        )
        info: Object = {"project": run.project.name, "stack": self._stack, "dryRun": dry_run, "parallel": PARALLEL}
        service = monitor.Monitor(steps, run.hooks, run.gate, run.report, info)
        with _serve(service, monitor.Engine(run.report, run.gate)) as address:
            settings = Settings(
                project=run.project.name,
                stack=self._stack,
                folder=str(self._folder),
                address=address,
                config=run.project.config,
                secret_keys=run.project.secret_keys,
                dry_run=dry_run,
                parallel=PARALLEL,
                threads=_THREADS,
                lock=run.lock.descriptor,
            )
            run.program = Program(self._python, settings, run.report)
            run.lock.note({"program": run.program.pid})
            try:
                run.wait_for_program(service)
                if not run.gate.stopped.is_set():
                    steps.delete_rest()
            finally:
                run.gate.wait_idle()
                run.hooks.close()
                service.may_exit.set()
                run.end_program()


class _Run:
    """What one run holds together."""

    def __init__(self, project: Project, state: State, report: Report, gate: Gate, lock: Lock, folder: Path) -> None:
        self.project = project
        self.state = state
        self.report = report
        self.gate = gate
        self.lock = lock
        self.providers = Providers(gate.stopped)
        self.processes = Processes(lock)
        self.handlers = Handlers(state, self.providers, self.processes, folder)
        self.hooks = Hooks(report, dry_run=report.summary.action == "preview")
        self.program: Program | None = None
        self.cancelled = False

    def wait_for_program(self, service: monitor.Monitor) -> None:
        """Return when the program has registered everything; stop the gate when it, or a step, failed."""
        program = self.program
        while program and not self.gate.stopped.is_set() and not service.program_done.wait(0.02):
            code = program.ended()
            if code is not None:
                if code:
                    self._failed(code)
                return

    def _failed(self, code: int) -> None:
        self.gate.stop()
        if code != TOLD:
            how = f"exit code {code}" if code > 0 else f"signal {signal.Signals(-code).name}"
            self.report.message("error", f"the program ended with {how}")

    def end_program(self) -> None:
        """Wait until the program is gone; a program that fails at its very end fails the run."""
        if self.program:
            stopped = self.gate.stopped.is_set()
            code = self.program.wait(_GRACE if stopped else 60.0)
            if code and not stopped:
                self._failed(code)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Make the first SIGINT or SIGTERM end the run after its steps in flight, and the second at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 (as signal wants it)
            if self.cancelled:
                if self.program:
                    self.program.kill()
                self.processes.kill()
                os._exit(130)  # the state is made to be left at any point
            self.cancelled = True
            threading.Thread(target=self._cancel, daemon=True).start()

        before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _cancel(self) -> None:
        self.gate.stop()
        self.report.message("warning", "cancelling: the steps in flight end first; Ctrl-C again ends them at once")


@contextmanager
def _serve(service: monitor.Monitor, log: monitor.Engine) -> Iterator[str]:
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1), ("grpc.so_reuseport", 0)]
    # Registrations wait in their threads for their steps, so there are more threads than the program has.
    server = grpc.server(ThreadPoolExecutor(2 * _THREADS, "monitor"), options=options)
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(service, server)
    engine_pb2_grpc.add_EngineServicer_to_server(log, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(0.5).wait()
