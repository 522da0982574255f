"""Where the lab writes: the project's own `.lab/` and one folder in the user's cache, and nowhere else."""

import os
from pathlib import Path


def project_root() -> Path:
    """Return the folder that holds Pulumi.yaml (the parent of this package), absolute and without links."""
    return Path(__file__).resolve().parent.parent


def cache_root() -> Path:
    """Return the lab's folder in the user's cache; it is not created.

    `$XDG_CACHE_HOME` where it is set to an absolute path (the XDG base directory rules say that a relative
    one is ignored), else `~/.cache`.
    """
    configured = Path(os.environ.get("XDG_CACHE_HOME") or "relative")
    base = configured if configured.is_absolute() else Path.home() / ".cache"
    return base / "kubernetes-emerging"


def stack_dir(stack: str, root: Path | None = None) -> Path:
    """Return `.lab/<stack>` of the project at `root` (default: this one); it is not created."""
    return (root or project_root()) / ".lab" / stack
