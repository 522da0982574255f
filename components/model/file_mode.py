"""File modes as octal text, `0440`, which is how people write them; Kubernetes takes the number that it means, 288."""

import re
from collections.abc import Iterator
from typing import Any

from components.model.problem import Problem

_OCTAL = re.compile("0[0-7]{3}")


def file_mode(text: str) -> int | None:
    """Return the mode that a text writes, None for any other text."""
    return int(text, 8) if _OCTAL.fullmatch(text) else None


def problems(path: str, value: Any) -> Iterator[Problem]:
    """Yield what is wrong with a mode; the bits beyond 0777 are for nobody to set (fileModeErrorMsg)."""
    if isinstance(value, str) and file_mode(value) is None:
        remedy = "write a 0 and three octal digits, such as '0440', as chmod takes it"
        yield Problem(path, f"{value!r} is not a file mode", remedy)
