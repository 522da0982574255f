"""The rules in docs/validation.md: the list of what is refused here although the API server would accept it."""

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "validation.md"
_ROW = re.compile(r"^\| `(?P<rule>[-a-z]+)` \|(?P<rest>.+)\|$", re.MULTILINE)


def rules() -> set[str]:
    """Return the names of the rules in the page's table; each row has what is refused, why, and a source."""
    rows = {
        found["rule"]: [cell.strip() for cell in found["rest"].split(" | ")]
        for found in _ROW.finditer(PAGE.read_text())
    }
    incomplete = [rule for rule, cells in rows.items() if len(cells) != 3 or not all(cells)]
    assert [] == incomplete, "a row says what is refused, why, and where that is from"
    return set(rows)
