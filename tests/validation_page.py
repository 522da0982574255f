"""The rules in docs/validation.md, and of Services in docs/service.md: what is refused that the server accepts."""

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "validation.md"
SERVICE_PAGE = PAGE.with_name("service.md")
_ROW = re.compile(r"^\| `(?P<rule>[-a-z]+)` \|(?P<rest>.+)\|$", re.MULTILINE)


def rules(page: Path = PAGE) -> set[str]:
    """Return the names of the rules in a page's table; each row has what is refused, why, and a source."""
    rows = {
        found["rule"]: [cell.strip() for cell in found["rest"].split(" | ")]
        for found in _ROW.finditer(page.read_text().partition("\n## What only")[2])
    }
    incomplete = [rule for rule, cells in rows.items() if len(cells) != 3 or not all(cells)]
    assert [] == incomplete, "a row says what is refused, why, and where that is from"
    return set(rows)
