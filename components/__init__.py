"""Typed Pulumi components for what Kubernetes 1.33 made new.

SidecarWorkload: native sidecars. MixedProtocolService: TCP and UDP in one Service. ResizableDeployment and
ResizableStatefulSet: CPU and memory changed without a restart. WasmRuntime and WasmWorkload: WASM modules as pods.
ClusterSnapshot, ClusterReset and ClusterRestore: a cluster's objects, kept and brought back. CriCheck: the runtimes of
its nodes. Target: the cluster they deploy to. Preflight: what that cluster can do. Each takes one TypedDict of
arguments with Kubernetes' own field names in snake_case, checks it whole before anything is registered, and tells its
contract in its docstring. log_shipper, proxy, metrics_exporter and config_reloader return the arguments of sidecars.
"""

from components._errors import InvalidArgs
from components.cri import CriCheck, CriCheckArgs
from components.model.problem import Problem
from components.preflight import Preflight, PreflightArgs
from components.recipes import config_reloader, log_shipper, metrics_exporter, proxy
from components.recovery import ClusterRestore, ClusterRestoreArgs, ClusterSnapshot, ClusterSnapshotArgs
from components.reset import ClusterReset, ClusterResetArgs
from components.resize import (
    ResizableDeployment,
    ResizableDeploymentArgs,
    ResizableStatefulSet,
    ResizableStatefulSetArgs,
)
from components.service import MixedProtocolService, MixedProtocolServiceArgs
from components.sidecar import SidecarWorkload, SidecarWorkloadArgs
from components.target import Target, TargetArgs
from components.wasm import WasmRuntime, WasmRuntimeArgs, WasmWorkload, WasmWorkloadArgs

__all__ = [
    "ClusterReset",
    "ClusterResetArgs",
    "ClusterRestore",
    "ClusterRestoreArgs",
    "ClusterSnapshot",
    "ClusterSnapshotArgs",
    "CriCheck",
    "CriCheckArgs",
    "InvalidArgs",
    "MixedProtocolService",
    "MixedProtocolServiceArgs",
    "Preflight",
    "PreflightArgs",
    "Problem",
    "ResizableDeployment",
    "ResizableDeploymentArgs",
    "ResizableStatefulSet",
    "ResizableStatefulSetArgs",
    "SidecarWorkload",
    "SidecarWorkloadArgs",
    "Target",
    "TargetArgs",
    "WasmRuntime",
    "WasmRuntimeArgs",
    "WasmWorkload",
    "WasmWorkloadArgs",
    "config_reloader",
    "log_shipper",
    "metrics_exporter",
    "proxy",
]

__version__ = "0.1.0"
