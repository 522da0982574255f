"""Kubernetes quantities: `100m`, `128Mi`, `1e3`, `0.5`.

Source of the grammar: k8s.io/apimachinery/pkg/api/resource/quantity.go.
"""

import re
from decimal import Decimal, localcontext

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
    r"(?P<number>[+-]?(\d+(\.\d*)?|\.\d+))((?P<suffix>[KMGTPE]i|[numkMGTPE])|[eE](?P<exponent>[+-]?\d+))?", re.ASCII
)
# What a number of thousandths in 64 bits can say, which is how the scheduler counts.
_LARGEST = Decimal(2**63 - 1) / 1000
_MEBIBYTE = 2**20
_BYTES = frozenset({"memory", "ephemeral-storage", "storage"})


def parse(text: str) -> Decimal:
    """Return the exact value of a quantity in its base unit (cores, bytes).

    Raises ValueError, in words fit for a user, when the API server would not read it.
    """
    found = _GRAMMAR.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is not a Kubernetes quantity")
    number = Decimal(found["number"])
    try:
        with localcontext() as context:
            context.prec = len(text) + 20  # 2**60 has 19 digits
            if found["exponent"]:
                return number.scaleb(int(found["exponent"]))
            return number * _SUFFIXES[found["suffix"] or ""]
    except ArithmeticError:
        raise ValueError(f"{text!r} is beyond what a quantity can hold") from None


def equal(left: str, right: str) -> bool:
    """Tell whether two quantities mean the same amount: `1000m` and `1` do."""
    return parse(left) == parse(right)


def complaint(resource: str, text: str) -> tuple[str, str, str] | None:
    """Return what is wrong with the quantity of a resource, what to write instead, and the rule; or None.

    The rule names the row of docs/validation.md for what the API server accepts and nobody means, such as memory
    counted in thousandths of a byte (`128m`), memory without its unit (`128`) and thousands of cores (`100M`).
    """
    example = "a CPU quantity such as '100m' or '0.5'" if resource == "cpu" else "a quantity such as '128Mi'"
    try:
        amount = parse(text)
    except ValueError as error:
        return str(error), f"write {example}", "quantity"
    if amount < 0:
        return f"{text!r} is negative", f"write {example}", "quantity"
    if amount > _LARGEST:
        return f"{text!r} is more than any node has", f"write {example}", "quantity"
    found = _GRAMMAR.fullmatch(text)
    suffix = found["suffix"] if found else None
    if resource == "cpu" and suffix and suffix not in "num":
        return f"{text!r} is {amount:,f} cores", "write '100m' for a tenth of a core", "unit"
    if resource in _BYTES and suffix in {"n", "u", "m"}:
        return f"{text!r} is {amount.normalize():f} bytes", f"write '{text[:-1]}Mi' for mebibytes", "unit"
    if resource in _BYTES and not suffix and 0 < amount < _MEBIBYTE:
        remedy = f"write '{text}Mi' for mebibytes" if text.isdecimal() else f"write {example}"
        return f"{text!r} is {amount.normalize():f} bytes", remedy, "unit"
    if _is_finer_than_a_thousandth(amount):
        return f"{text!r} is finer than a thousandth, to which it would be rounded up", f"write {example}", "quantity"
    return None


def _is_finer_than_a_thousandth(amount: Decimal) -> bool:
    _, digits, exponent = amount.as_tuple()
    return isinstance(exponent, int) and exponent < -3 and any(digits[exponent + 3 :])
