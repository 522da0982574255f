"""How a component has work done by pulumi-command, as a program of its own, and what is known of it afterwards.

1. One Command resource, without `delete` and without `triggers`: no change replaces it, and a destroy runs nothing.
   `create` and `update` are the same word, and the program itself tells a new request from an old one, by the receipt
   of its last run, which pulumi-command hands over.
2. The program is this interpreter, without a shell. The connection comes to it on standard input, as a secret; all else
   as JSON in a variable, so that a preview shows what has changed. No file holds a secret, and no process list.
3. Its output is a receipt: one line, with no secret in it. Its errors name no values, for pulumi-command shows them
   whole, whatever its `logging`.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
from pulumi_command import local

from components._live import mocked

REQUEST = "RECOVERY_REQUEST"
_ROOT = str(Path(__file__).resolve().parents[1])
_PROGRAM = [sys.executable, "-P", "-m", "components.actions.commanded"]


def commanded(
    name: str,
    word: str,
    request: Mapping[str, Any],
    parent: pulumi.Resource,
    hook: pulumi.ResourceHook,
    stdin: Any = None,
) -> pulumi.Output[Mapping[str, Any]]:
    """Register the Command that does what `word` and `request` say; return its receipt, once it is done."""
    told: Any = None if stdin is None else pulumi.Output.json_dumps(stdin, sort_keys=True)
    asked = pulumi.Output.from_input({key: value for key, value in request.items() if value is not None})
    made = local.Command(
        name,
        interpreter=_PROGRAM,
        create=word,
        update=word,
        stdin=None if told is None else pulumi.Output.secret(told),
        environment={REQUEST: asked.apply(request_text), "PYTHONPATH": _ROOT},
        # What it says to people; the receipt is for the outputs.
        logging=local.Logging.STDERR,
        opts=pulumi.ResourceOptions(
            parent=parent, hooks=pulumi.ResourceHookBinding(before_create=[hook], before_update=[hook])
        ),
    )
    # The secret on standard input makes the receipt one, too, which it is only where the request was.
    both: pulumi.Output[Any] = pulumi.Output.all(pulumi.Output.unsecret(made.stdout), asked)
    return both.apply(lambda found: receipt_of(found[0]))


def request_text(request: Mapping[str, Any]) -> str:
    """Return a request as the program takes it; numbers of other languages are whole ones again."""
    whole = {key: int(value) if isinstance(value, float) else value for key, value in request.items()}
    return json.dumps(whole, sort_keys=True)


def receipt_of(text: Any) -> Mapping[str, Any]:
    """Return a receipt; an empty one under mocks, where nothing runs."""
    found: Mapping[str, Any] = {} if mocked() and not text else json.loads(text)
    return found
