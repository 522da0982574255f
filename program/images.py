"""Defaults that differ by cluster, in one table; the stack's config overrides each.

The lab has no registry: its images are made on the machine from two Debian releases. Everywhere else they are public,
run without root, and follow the same contract (nginx listens on 8080 and reads /etc/nginx/conf.d). The WASM module is
made on the machine for the clusters that `make up` makes; no public image of it is trusted to stay.
"""

from dataclasses import dataclass, replace

PLATFORMS = ("lab", "kind", "eks", "aks", "gke")


@dataclass(frozen=True)
class Images:
    """The images of the demos, and which log shipper theirs is; `wasm` is empty where there is none."""

    nginx: str
    inplace: str
    log_shipper: str
    log_shipper_kind: str
    wasm: str = ""


_WASM = "localhost/wasm-demo:1"
_LAB = Images("localhost/nginx:1.26", "localhost/nginx:1.22", "localhost/rsyslog:8", "rsyslog", _WASM)
_PUBLIC = Images(
    "nginxinc/nginx-unprivileged:1.29-alpine",
    "nginxinc/nginx-unprivileged:1.28-alpine",
    "fluent/fluent-bit:4.0.3",
    "fluent-bit",
)


def images_for(platform: str) -> Images:
    """Return the default images of a platform."""
    return {"lab": _LAB, "kind": replace(_PUBLIC, wasm=_WASM)}.get(platform, _PUBLIC)
