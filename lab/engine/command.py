"""`command:local:Command`: programs of this machine in the life of a stack, with the documented rules of its package.

1. create runs `create`; a change of any input runs `update`, or `create` where there is none; a change of `triggers`
   replaces, the new one first; delete runs `delete`. What is not given does nothing. A preview runs nothing.
2. `stdout` and `stderr` are outputs, without their last line end, and come to later commands as
   PULUMI_COMMAND_STDOUT and PULUMI_COMMAND_STDERR, unless `addPreviousOutputInEnv` is false.
3. A command that fails fails its step: nothing is recorded of a create, the old stays recorded for an update. The
   error has what it wrote; literal secrets of its inputs are masked in it, and in the live lines.
4. Where an input is secret, so are `stdout` and `stderr`.
5. A run that was killed may have run a command, or a part of it: it runs again. Commands have to bear that.

Assets and archives of files are not collected: those inputs are refused by name.
"""

import json
import os
import secrets
import signal
from pathlib import Path

from lab.engine.diff import Diff, compare
from lab.engine.errors import StepError, Unsupported
from lab.engine.handler import Read, Say
from lab.engine.masking import mask, secrets_of
from lab.engine.processes import Ended, Processes
from lab.engine.values import UNKNOWN, Object, has_secret, reveal, secret

TYPE = "command:local:Command"
_COMMANDS = ("create", "update", "delete")
_STREAMS = ("stdout", "stderr")
_KNOWN = {*_COMMANDS, "dir", "environment", "interpreter", "logging", "stdin", "triggers", "addPreviousOutputInEnv"}
_FILES = {"assetPaths", "archivePaths"}
_LOGGED = {"stdout": {"stdout"}, "stderr": {"stderr"}, "stdoutAndStderr": set(_STREAMS), "none": set[str]()}


class Command:
    """The steps of one Command resource, `name`, of the project in `folder`; `hidden` are outputs marked secret."""

    def __init__(self, name: str, folder: Path, hidden: list[str], processes: Processes) -> None:
        self._name = name
        self._folder = folder
        self._hidden = hidden
        self._processes = processes

    def check(self, _name: str, inputs: Object, _old_inputs: Object | None) -> Object:
        """Return the inputs. Unsupported for assets, StepError for what the package does not know."""
        files = sorted(_FILES & {key for key, value in inputs.items() if value})
        if files:
            feature = f"{TYPE} with {', '.join(files)}"
            raise Unsupported(feature)
        unknown = sorted(set(inputs) - _KNOWN - _FILES)
        if unknown:
            raise StepError(f"{TYPE} has no inputs {', '.join(unknown)}")
        logging = reveal(inputs).get("logging", "stdoutAndStderr")
        if logging not in (*_LOGGED, UNKNOWN):
            raise StepError(f"logging: {logging!r} is none of {', '.join(_LOGGED)}")
        return inputs

    def diff(self, old_inputs: Object, old_outputs: Object, inputs: Object) -> Diff:  # noqa: ARG002 (as all kinds)
        """Compare the inputs: a changed trigger replaces, anything else updates."""
        old, new = reveal(old_inputs), reveal(inputs)
        return Diff(compare(old, new, old, ["triggers"]))

    def read(self, old_inputs: Object, old_outputs: Object, id_: str) -> Read:
        """Return what is recorded: there is nothing to ask."""
        return Read(id_, old_inputs, old_outputs)

    def create(self, inputs: Object, *, preview: bool, seconds: float | None, say: Say) -> tuple[str, Object]:
        """Run `create`; return (id, outputs)."""
        if preview:
            return "", self._outputs(inputs, dict.fromkeys(_STREAMS, UNKNOWN))
        found = self._run("create", inputs, {}, seconds, say)
        return f"{self._name}{secrets.token_hex(4)}", self._outputs(inputs, found)

    def update(
        self,
        old_outputs: Object,
        inputs: Object,
        *,
        preview: bool,
        seconds: float | None,
        say: Say,
        ignore: list[str],  # noqa: ARG002 (the inputs have been restored already)
    ) -> tuple[str, Object]:
        """Run `update`, or `create` where there is none; return ("", outputs): the id stays."""
        if preview:
            return "", self._outputs(inputs, dict.fromkeys(_STREAMS, UNKNOWN))
        which = "update" if "update" in inputs else "create"
        return "", self._outputs(inputs, self._run(which, inputs, old_outputs, seconds, say))

    def delete(self, old_inputs: Object, old_outputs: Object, *, seconds: float | None, say: Say) -> None:
        """Run `delete`."""
        self._run("delete", old_inputs, old_outputs, seconds, say)

    @staticmethod
    def _outputs(inputs: Object, streams: Object) -> Object:
        hide = has_secret(inputs)
        return {**inputs, **{name: secret(text) if hide else text for name, text in streams.items()}}

    def _run(self, which: str, inputs: Object, old_outputs: Object, seconds: float | None, say: Say) -> Object:
        """Run one of the commands and return both streams; what was there before where there is no such command."""
        clear = reveal(inputs)
        before = {name: str(reveal(old_outputs).get(name, "")) for name in _STREAMS}
        if which not in clear:
            return before
        words = secrets_of([inputs, {name: old_outputs.get(name) for name in _STREAMS}])
        logged = _LOGGED[clear.get("logging", "stdoutAndStderr")] - set(self._hidden)

        def line(stream: str, text: str) -> None:
            if stream in logged:
                say(mask(text, words))

        ended = self._processes.run(
            [*(clear.get("interpreter") or ["/bin/sh", "-c"]), clear[which]],
            folder=self._folder / clear.get("dir", ""),
            environment=self._environment(clear, before),
            stdin=clear.get("stdin", ""),
            seconds=seconds,
            line=line,
        )
        if ended.code:
            raise StepError(mask(self._failure(clear[which], ended), words))
        return {name: getattr(ended, name).removesuffix("\n") for name in _STREAMS}

    @staticmethod
    def _environment(clear: Object, before: dict[str, str]) -> dict[str, str]:
        found = {**os.environ, **{key: str(value) for key, value in clear.get("environment", {}).items()}}
        if clear.get("addPreviousOutputInEnv", True):
            found |= {f"PULUMI_COMMAND_{name.upper()}": text for name, text in before.items() if text}
        return found

    def _failure(self, command: str, ended: Ended) -> str:
        how = f"exit status {ended.code}" if ended.code > 0 else f"signal {signal.Signals(-ended.code).name}"
        kept = [name for name in _STREAMS if name not in self._hidden]
        text = ended.both if len(kept) == len(_STREAMS) else "".join(getattr(ended, name) for name in kept)
        hidden = "".join(f"[{name} is secret]\n" for name in _STREAMS if name in self._hidden)
        return f"{how}: running {json.dumps(command)}:\n{text}{hidden}"
