"""Kubernetes quantities: `100m`, `128Mi`, `1e3`, `0.5`.

Source of the grammar: k8s.io/apimachinery/pkg/api/resource/quantity.go.
"""

import re
from decimal import Decimal

_SUFFIXES = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "": Decimal(1),
    "k": Decimal(10) ** 3,
    "M": Decimal(10) ** 6,
    "G": Decimal(10) ** 9,
    "T": Decimal(10) ** 12,
    "P": Decimal(10) ** 15,
    "E": Decimal(10) ** 18,
    "Ki": Decimal(2) ** 10,
    "Mi": Decimal(2) ** 20,
    "Gi": Decimal(2) ** 30,
    "Ti": Decimal(2) ** 40,
    "Pi": Decimal(2) ** 50,
    "Ei": Decimal(2) ** 60,
}
_GRAMMAR = re.compile(
    r"(?P<number>[+-]?(\d+(\.\d*)?|\.\d+))((?P<suffix>[KMGTPE]i|[numkMGTPE])|[eE](?P<exponent>[+-]?\d+))?"
)


def parse(text: str) -> Decimal:
    """Return the exact value of a quantity in its base unit (cores, bytes).

    Raises ValueError, in words fit for a user, when the API server would not read it.
    """
    found = _GRAMMAR.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is not a Kubernetes quantity")
    number = Decimal(found["number"])
    try:
        if found["exponent"]:
            return number.scaleb(int(found["exponent"]))
        return number * _SUFFIXES[found["suffix"] or ""]
    except ArithmeticError:
        raise ValueError(f"{text!r} is beyond what a quantity can hold") from None


def equal(left: str, right: str) -> bool:
    """Tell whether two quantities mean the same amount: `1000m` and `1` do."""
    return parse(left) == parse(right)


def complaint(resource: str, text: str) -> tuple[str, str] | None:
    """Return what is wrong with the quantity of a resource and what to write instead, or None.

    Two quantities that the API server accepts are refused here, because nobody means them: memory counted in
    thousandths of a byte (`128m`), and CPU counted in thousands of cores or more (`100M`).
    """
    example = "a CPU quantity such as '100m' or '0.5'" if resource == "cpu" else "a quantity such as '128Mi'"
    try:
        amount = parse(text)
    except ValueError as error:
        return str(error), f"write {example}"
    if amount < 0:
        return f"{text!r} is negative", f"write {example}"
    suffix = (_GRAMMAR.fullmatch(text) or {"suffix": ""})["suffix"] or ""
    if resource == "cpu" and suffix and suffix not in "num":
        return f"{text!r} is {amount:,f} cores", "write '100m' for a tenth of a core"
    if resource in {"memory", "ephemeral-storage"} and suffix in {"n", "u", "m"}:
        return f"{text!r} is {amount.normalize():f} bytes", f"write '{text[:-1]}Mi' for mebibytes"
    if resource == "memory" and 0 < amount < 1024:
        return f"{text!r} is {amount.normalize():f} bytes", f"write '{text}Mi' for mebibytes"
    return None
