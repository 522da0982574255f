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
_ANNOTATE = (
    "crun started a WASM module as an ordinary program: take preset crun, whose annotation tells it otherwise, and let "
    "containerd pass that on (pod_annotations = ['module.wasm.image/*'])"
)
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
    (
        r"without restartPolicy=Always|must not be set for init containers",
        "update the webhook that has dropped the sidecar's restartPolicy, or the API server before Kubernetes 1.29",
    ),
    (r"Overhead doesn't match RuntimeClass", "leave overhead out of the pods: the RuntimeClass's is filled in"),
)
_START = (
    (
        r"exec container process `[^`]*\.wasm",
        _ANNOTATE,
    ),
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
    (
        r"mismatched image rootfs and manifest layers",
        "the image has WASM layers: take containerd 1.6.25, 1.7.7, 2.0 or later, or pack it as an ordinary image",
    ),
)
_SCHEDULING = (
    (
        r'persistentvolumeclaim "(?P<name>[^"]+)" not found',
        "create the PersistentVolumeClaim $name, or correct the name that the volume gives",
    ),
    (
        r"unbound immediate PersistentVolumeClaims|didn't find available persistent volumes",
        "see why its PersistentVolumeClaim is not bound (`kubectl describe pvc`): its StorageClass, and free volumes",
    ),
)
_MOUNT = (
    (r'configmap "(?P<name>[^"]+)" not found', "create the ConfigMap $name, or correct the name that the volume gives"),
    (r'secret "(?P<name>[^"]+)" not found', "create the Secret $name, or correct the name that the volume gives"),
    (
        r"references non-existent (?:config|secret) key: (?P<name>\S+)",
        "add the key $name to the ConfigMap or Secret, or correct the key that the volume gives",
    ),
    (r"hostPath type check failed", "correct the path or its type: the node has not what the volume asks for"),
    (r"driver name (?P<name>\S+) not found", "install the CSI driver $name on the node"),
)
_END = {
    "Evicted": "the node ran short of what the message names: request what the pods use, and give them limits",
    "NodeShutdown": "its node was shut down: its controller makes another pod",
    "Terminated": "its node was shut down: its controller makes another pod",
    "InitContainerRestartPolicyForbidden": "its kubelet has the feature gate SidecarContainers off: turn it on",
}


def of_scheduling(text: str) -> str:
    """Return what to do when a pod fits nowhere for its volumes; "" for any other reason."""
    return _remedy(text, _SCHEDULING)


def of_mount(text: str) -> str:
    """Return what to do when a volume cannot be mounted, as far as the kubelet's words tell; "" otherwise."""
    return _remedy(text, _MOUNT)


def of_end(reason: str) -> str:
    """Return what to do about the reason for which a whole pod has ended; "" for one that is not known."""
    return _END.get(reason, "")


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
