"""Inputs in the form in which the API server gives them back, so that equal things compare equal.

The official provider does this for built-in kinds with the Go types; here are the parts of it that matter:
quantities in canonical form, and a Secret's `stringData` merged into `data`.
"""

import base64
import re
from fractions import Fraction
from typing import Any

from lab.engine.values import Object, has_unknown

_BINARY = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]
_DECIMAL = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"]
_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]?)(?:[eE]([+-]?\d+))?")
_MAPS = {"requests", "limits", "hard", "capacity", "podFixed", "default", "defaultRequest", "max", "min"}
_SINGLE = {"sizeLimit", "divisor"}


def canonical(text: str | float) -> str:
    """Write a quantity as the API server does: `1000m` -> `1`, `1024Mi` -> `1Gi`, `0.5` -> `500m`.

    What is no quantity is given back as it is: the API server explains it better.
    """
    match = _QUANTITY.fullmatch(str(text))
    if match is None or (match[2] and match[3]):
        return str(text)
    number, suffix, exponent = Fraction(match[1]), match[2], match[3]
    if suffix in _BINARY[1:]:
        value = number * 1024 ** _BINARY.index(suffix)
        if value.denominator == 1 and abs(value) >= 1024:
            return _largest(int(value), 1024, _BINARY)
    else:
        value = number * Fraction(1000) ** (_DECIMAL.index(suffix) - 3) * Fraction(10) ** int(exponent or 0)
    nanos = -((-value * 10**9) // 1)
    return _largest(int(nanos), 1000, _DECIMAL) if nanos else "0"


def _largest(value: int, base: int, suffixes: list[str]) -> str:
    step = 0
    while value % base == 0 and value and step + 1 < len(suffixes):
        value //= base
        step += 1
    return f"{value}{suffixes[step]}"


def _quantities(value: Any, key: str = "") -> Any:
    if isinstance(value, list):
        return [_quantities(item) for item in value]
    if isinstance(value, dict):
        leaves = key in _MAPS and all(isinstance(leaf, str | int | float) for leaf in value.values())
        return {name: canonical(item) if leaves else _quantities(item, name) for name, item in value.items()}
    return canonical(value) if key in _SINGLE and isinstance(value, str | int | float) else value


def normalize(manifest: Object) -> Object:
    """Return the manifest in canonical form; unchanged while it holds unknowns, as the official provider does.

    Custom resources (a group with a dot that is not `*.k8s.io`) are left alone.
    """
    group = str(manifest.get("apiVersion", "")).rpartition("/")[0]
    if has_unknown(manifest) or ("." in group and not group.endswith(".k8s.io")):
        return manifest
    result: Object = manifest
    if manifest.get("kind") not in ("ConfigMap", "Secret"):
        result = {key: _quantities(value, key) for key, value in manifest.items()}
    if manifest.get("apiVersion") == "v1" and manifest.get("kind") == "Secret" and "stringData" in manifest:
        clear = {k: base64.b64encode(str(v).encode()).decode() for k, v in manifest["stringData"].items()}
        result = {key: value for key, value in manifest.items() if key != "stringData"}
        result["data"] = {**manifest.get("data", {}), **clear}
    metadata = {key: value for key, value in result.get("metadata", {}).items() if key not in _READ_ONLY}
    return {**result, "metadata": metadata} if "metadata" in result else result


_READ_ONLY = {
    *("creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp"),
    *("generation", "managedFields", "resourceVersion", "uid"),
}
