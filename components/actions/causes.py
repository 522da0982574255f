"""What container runtimes, the kubelet and admission say when a pod cannot start, and what to do about it. Pure.

The texts are those of containerd 1.6 to 2.1, CRI-O, runc, crun and Kubernetes 1.33.
"""

import re
from collections.abc import Sequence

_WHAT_THERE_IS = (
    "`kubectl get nodes -o jsonpath='{.items[*].status.runtimeHandlers[*].name}'` lists what the nodes have"
)
_NO_HANDLER = (
    "set the handler $name up on the node and restart its container runtime, correct the RuntimeClass's handler, or "
    f"let its scheduling choose nodes that have it; {_WHAT_THERE_IS}"
)
_NO_PROGRAM = "the node's config names the program $name, which is not there: install it, or take another handler"
_SANDBOX = (
    (r'no runtime for "(?P<name>[^"]*)" is configured', _NO_HANDLER),
    (r"failed to find runtime handler (?P<name>\S+)", _NO_HANDLER),
    (r'binary not installed "(?P<name>[^"]+)"', _NO_PROGRAM),
    (r"fork/exec (?P<name>/[^\s:]+): no such file or directory", _NO_PROGRAM),
    (r'exec: "(?P<name>[^"]+)": (?:stat \S+ no such file|executable file not found)', _NO_PROGRAM),
    (r'runtimeclass\S* "(?P<name>[^"]+)" not found', "create the RuntimeClass $name again: something deleted it"),
)
_ADMISSION = (
    (
        r'RuntimeClass "(?P<name>[^"]+)" not found',
        "create the RuntimeClass $name (a WasmRuntime makes one), or name one that `kubectl get runtimeclass` lists",
    ),
    (
        r"runtimeClass\.scheduling\.nodeSelector",
        "take that label out of the pods' node selector, or out of the RuntimeClass's scheduling",
    ),
    (r"Overhead doesn't match RuntimeClass", "leave overhead out of the pods: the RuntimeClass's is filled in"),
)
_START = (
    (
        r"(?i)\.wasm\b.*(?:permission denied|not executable|exec format error)",
        "a WASM module was started as an ordinary program: run it under a WASM runtime, as WasmWorkload does",
    ),
    (
        r"(?i)exec format error",
        "the image is for another architecture, or is a WASM module, which needs a RuntimeClass with a WASM runtime",
    ),
    (
        r"(?i)load library failed|loading failed|magic header",
        "a WASM runtime cannot load it as a module: build it for WASI, or run it without that RuntimeClass",
    ),
)


def of_sandbox(text: str) -> str:
    """Return what to do when a pod's sandbox could not be made for want of its runtime; "" for any other reason."""
    return _remedy(text, _SANDBOX)


def of_admission(text: str) -> str:
    """Return what to do when a pod was refused for its RuntimeClass; "" for any other reason."""
    return _remedy(text, _ADMISSION)


def of_start(text: str) -> str:
    """Return what to do when what was started is not for this runtime (a message or a log says so); "" otherwise."""
    return _remedy(text, _START)


def _remedy(text: str, table: Sequence[tuple[str, str]]) -> str:
    for pattern, remedy in table:
        found = re.search(pattern, text)
        if found:
            return remedy.replace("$name", repr(found.groupdict().get("name", "")))
    return ""
