"""The stack's config, checked as a whole before anything is registered."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pulumi
from cluster import NODE_IMAGES, Wasm

# What the cluster programs have in common is one folder up.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cluster_config import Checks

LEAST_KIND = (0, 32, 0)
"""Node images made by kind 0.32 and later need a kind of that age."""

_NAME = "[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?"


@dataclass(frozen=True)
class Settings:
    """The stack's config with its defaults filled in."""

    name: str
    minor: str
    provider: str
    http_port: int
    udp_port: int
    wasm: Wasm | None


def load() -> Settings:
    """Return the settings; raise RunError that names each bad key and what this machine lacks."""
    checks = Checks()
    settings = Settings(
        name=checks.text(
            "clusterName",
            _NAME,
            "write 1 to 40 lower-case letters, digits and hyphens that begin and end with a letter or digit",
            f"kubernetes-emerging-{pulumi.get_stack()}",
        ),
        minor=checks.choice("kubernetesVersion", "1.33", tuple(NODE_IMAGES)),
        provider=checks.choice("provider", "docker", ("docker", "podman")),
        http_port=checks.integer("httpPort", 8080, 1, 65535),
        udp_port=checks.integer("udpPort", 9090, 1, 65535),
        wasm=_wasm(checks),
    )
    if settings.provider in ("docker", "podman") and not shutil.which(settings.provider):
        checks.complain("provider", f"{settings.provider} is not on PATH", "install it, or write the other one")
    _check_kind(checks)
    checks.finish()
    return settings


def _wasm(checks: Checks) -> Wasm | None:
    folder = checks.text("wasmFolder", "(/.*)?", "write an absolute path")
    program = checks.text("wasmProgram", r"[A-Za-z0-9._-]+", "write the name of a file in wasmFolder", "crun-wasm")
    handler = checks.text("wasmHandler", _NAME, "write a lower-case name such as wasmedge", "wasmedge")
    if not folder:
        return None
    # A mount of what is not there becomes an empty folder, and the handler fails only when the first pod starts.
    if not os.access(Path(folder, program), os.X_OK):
        checks.complain("wasmFolder", f"it has no executable {program}", "write the folder of the WASM runtime")
    return Wasm(folder, program, handler)


def _check_kind(checks: Checks) -> None:
    least = ".".join(map(str, LEAST_KIND))
    if not shutil.which("kind"):
        checks.complain("this machine", "kind is not on PATH", f"install kind {least} or later")
        return
    said = subprocess.run(["kind", "version"], capture_output=True, text=True, check=False, timeout=20).stdout
    found = re.match(r"kind v(\d+)\.(\d+)\.(\d+)", said)
    if not found or tuple(map(int, found.groups())) < LEAST_KIND:
        checks.complain("this machine", f"kind says it is {said.strip()!r}", f"install kind {least} or later")
