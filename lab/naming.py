"""Names: which stack names are good, and how a stack's cluster instance and namespace are called."""

import hashlib
import re
from pathlib import Path

from lab.errors import RefusedError

PROJECT = "kubernetes-emerging"
DEFAULT_STACK = "dev"

_STACK = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_LABEL_LENGTH = 63


def check_stack(stack: str) -> str:
    """Return `stack` where Pulumi would take it as a name and files and namespaces can carry it.

    Pulumi allows letters, digits, `-`, `_` and `.`, up to 100 of them. The namespace is
    `kubernetes-emerging-<stack>`, a DNS label: lower case, no `_` or `.`, 63 characters at most.
    """
    if not _STACK.fullmatch(stack):
        raise RefusedError(
            f"stack {stack!r}: a stack's name is letters, digits, '-', '_' and '.', beginning with a letter "
            "or a digit, at most 100 characters. Write for example STACK=dev."
        )
    namespace = f"{PROJECT}-{stack}"
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", namespace) or len(namespace) > _LABEL_LENGTH:
        raise RefusedError(
            f"stack {stack!r}: its namespace would be {namespace!r}, which is no Kubernetes name. "
            f"Take lower-case letters, digits and '-', no '-' at the end, "
            f"at most {_LABEL_LENGTH - len(PROJECT) - 1} characters."
        )
    return stack


def namespace_of(stack: str) -> str:
    """Return the namespace in which the program puts the stack's objects."""
    return f"{PROJECT}-{stack}"


def instance_of(root: Path, stack: str) -> str:
    """Return the name of the stack's cluster instance: another clone or another stack gets another one."""
    digest = hashlib.sha256(f"{root.resolve()}\0{stack}".encode()).hexdigest()
    return f"{digest[:6]}-{stack[:20].rstrip('-')}"
