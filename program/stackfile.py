"""A stack's config and cluster outside of a deployment: what the official CLI would hand to the program.

Plain values are read from `Pulumi.yaml` and `Pulumi.<stack>.yaml`. Encrypted values, and another stack's outputs, only
the official CLI can read; it is asked for those alone, and they go nowhere but into this process.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
import yaml

from components._where import connection_from_outputs
from components.actions.connection import Connection
from components.target import TargetArgs, connection_of

_SECONDS = 120


def load_config(root: Path, stack: str) -> None:
    """Make the stack's config what `pulumi.Config` reads in this process. ValueError for files that are none."""
    project = _yaml(root / "Pulumi.yaml")
    name = str(project.get("name"))
    values: dict[str, str] = {}
    for key, declared in (project.get("config") or {}).items():
        default = declared.get("default") if isinstance(declared, dict) else declared
        if default is not None:
            values[_full(name, key)] = _text(default)
    path = root / f"Pulumi.{stack}.yaml"
    if not path.exists():
        raise ValueError(f"there is no stack file {path.name}: write one, or name another stack with --stack")
    for key, value in (_yaml(path).get("config") or {}).items():
        secret = isinstance(value, dict) and "secure" in value
        words = ("config", "get", key, "--stack", stack)
        values[_full(name, key)] = _pulumi(root, *words, **_own_backend(root, stack)) if secret else _text(value)
    pulumi.runtime.set_all_config(values)


def connection_to(target: TargetArgs) -> Connection:
    """Return the connection that a Target of these arguments will have. ValueError where that cannot be known here."""
    stack = target.get("stack")
    if not isinstance(stack, str):
        return connection_of(target)
    outputs: Mapping[str, Any] = json.loads(
        _pulumi(Path.cwd(), "stack", "output", "--json", "--show-secrets", "--stack", stack)
    )
    found = connection_from_outputs(stack, outputs, target.get("context"), target.get("cluster_id"))
    return Connection(found["kubeconfig"], found.get("context"), found.get("cluster_id"))


def _own_backend(root: Path, stack: str) -> dict[str, str]:
    """Return the variables of the backend and passphrase that `make up` made for a stack; none where it made none."""
    folder = root / ".lab" / stack
    try:
        record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(record, dict) or record.get("backend") != "own":
        return {}
    passphrase = str(folder / "passphrase")
    return {"PULUMI_BACKEND_URL": f"file://{folder / 'backend'}", "PULUMI_CONFIG_PASSPHRASE_FILE": passphrase}


def _pulumi(folder: Path, *words: str, **variables: str) -> str:
    program = shutil.which("pulumi")
    shown = f"`pulumi {' '.join(words)}`"
    if not program:
        raise ValueError(f"{shown} is needed for this stack, and there is no pulumi on PATH: install the official CLI")
    try:
        done = subprocess.run(
            [program, *words, "--non-interactive"],
            cwd=folder,
            # The CLI would prefer a passphrase in the environment to the file.
            env={k: v for k, v in os.environ.items() if not variables or k != "PULUMI_CONFIG_PASSPHRASE"} | variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise ValueError(f"{shown} does not end: try it by hand") from None
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        raise ValueError(f"{shown} failed ({said[-1] if said else f'exit code {done.returncode}'}): try it by hand")
    return done.stdout.removesuffix("\n")


def _full(project: str, key: str) -> str:
    return key if ":" in key else f"{project}:{key}"


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        why = getattr(error, "strerror", None) or "it is not YAML"
        raise ValueError(f"{path.name} cannot be read ({why})") from None
    return content if isinstance(content, dict) else {}
