"""The stack's configuration: Pulumi.<stack>.yaml over the defaults of Pulumi.yaml, as the SDK wants it."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lab.engine.errors import EngineError, Unsupported


@dataclass(frozen=True, slots=True)
class Project:
    """The project's name, and the configuration as `project:key` -> text; `secret_keys` names the secret ones."""

    name: str
    config: dict[str, str] = field(default_factory=dict)
    secret_keys: list[str] = field(default_factory=list)


def read_project(folder: Path, stack: str, config: dict[str, str] | None = None) -> Project:
    """Read the project; `config` (keys with or without `project:`) stands in the place of the stack's file.

    EngineError for missing or malformed files, Unsupported for encrypted values.
    """
    project = _read(folder / "Pulumi.yaml", required=True)
    name = project.get("name")
    if not isinstance(name, str):
        msg = f"{folder / 'Pulumi.yaml'}: the project has no name"
        raise EngineError(msg)
    found: dict[str, str] = {}
    secret_keys = []
    for key, declared in (project.get("config") or {}).items():
        schema = declared if isinstance(declared, dict) else {"default": declared}
        value = schema.get("value", schema.get("default"))
        if value is not None:
            found[_full(name, key)] = _text(value)
        if schema.get("secret"):
            secret_keys.append(_full(name, key))
    chosen: dict[str, Any] = dict(config or {})
    if config is None:
        chosen = _read(folder / f"Pulumi.{stack}.yaml", required=False).get("config") or {}
    for key, value in chosen.items():
        if isinstance(value, dict) and "secure" in value:
            feature = f"the encrypted config value {key} in Pulumi.{stack}.yaml"
            raise Unsupported(feature)
        found[_full(name, key)] = _text(value)
    return Project(name, found, secret_keys)


def _full(project: str, key: str) -> str:
    return key if ":" in key else f"{project}:{key}"


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _read(file: Path, *, required: bool) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if not required:
            return {}
        msg = f"{file}: there is no Pulumi project here"
        raise EngineError(msg) from None
    except (OSError, yaml.YAMLError) as error:
        msg = f"{file}: {error}"
        raise EngineError(msg) from error
    if content is not None and not isinstance(content, dict):
        msg = f"{file}: not a mapping"
        raise EngineError(msg)
    return content or {}
