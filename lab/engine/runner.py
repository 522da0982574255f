"""Runs one Pulumi program as the official language host does; a child process of the engine, started by path.

It reads its settings as one JSON document from standard input (see program.Settings), so that secret config
appears in no command line and no environment. Exit codes: 0, or 32 when the error has been told to the engine.
"""

import asyncio
import gc
import json
import logging
import os
import runpy
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pulumi
from pulumi.runtime import settings
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

TOLD = 32


class _QuietEngine:
    """The engine's log without debug messages: each would be a call that holds up the program's loop."""

    def __init__(self, address: str) -> None:
        self._stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]))

    def Log(self, request: engine_pb2.LogRequest) -> None:  # noqa: N802
        """Pass a message on."""
        if request.severity != engine_pb2.DEBUG:
            self._stub.Log(request)

    def RequirePulumiVersion(self, request: engine_pb2.RequirePulumiVersionRequest) -> None:  # noqa: N802
        """Pass a question on."""
        self._stub.RequirePulumiVersion(request)


def _user_traceback(error: BaseException, folder: str) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    first = next((i for i, frame in enumerate(frames) if frame.filename.startswith(folder)), 0)
    lines = traceback.format_list(frames[first:])
    return "Traceback (most recent call last):\n" + "".join(lines + traceback.format_exception_only(error))


def main() -> int:
    """Run the program that the settings name; return the exit code."""
    wanted = json.load(sys.stdin)
    os.set_inheritable(wanted["lock"], False)
    pulumi.runtime.set_all_config(wanted["config"], wanted["secret_keys"])
    settings.configure(
        settings.Settings(
            project=wanted["project"],
            stack=wanted["stack"],
            organization="organization",
            monitor=wanted["address"],
            engine=_QuietEngine(wanted["address"]),
            parallel=wanted["parallel"],
            dry_run=wanted["dry_run"],
            root_directory=wanted["folder"],
        )
    )
    folder = wanted["folder"]
    sys.argv = [folder]
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    # Each registration under way holds a thread of this executor; the default of a few per core would hold up
    # the parallelism that the engine allows, and registrations that wait for hooks that need threads themselves.
    loop.set_default_executor(ThreadPoolExecutor(wanted["threads"], "registration"))
    # A failed run leaves futures unobserved by design; asyncio's complaints about them would bury the real error.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)

    def program() -> None:
        runpy.run_path(folder, run_name="__main__")

    try:
        loop.run_until_complete(pulumi.runtime.run_in_stack(program))
    except pulumi.RunError as error:
        pulumi.log.error(str(error))
        return TOLD
    except Exception as error:  # noqa: BLE001 (the program's own)
        trace = _user_traceback(error, str(Path(folder)))
        pulumi.log.error(f"Program failed with an unhandled exception:\n{trace}")
        return TOLD
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    gc.freeze()  # nothing needs the collection at exit, which would take a tenth of a second
    sys.exit(code)
