"""docs/platforms.md says what the table says, row by row."""

from pathlib import Path

from components.model.platform_rows import FEATURES
from components.model.platforms import NAMES, table

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "platforms.md").read_text()


def rows() -> list[str]:
    """Return the rows that the page has to have."""
    versions = [
        " | ".join(
            [NAMES[row.platform], row.minor]
            + [str(day or "unknown") for day in (row.released, row.standard_end, row.extended_end)]
        )
        for row in table().versions
    ]
    nodes = [
        " | ".join(
            [
                NAMES.get(row.platform, row.platform),
                row.node_type,
                f"v{row.cgroup}" if row.cgroup in "12" else row.cgroup,
            ]
            + [row.features[feature].answer for feature in FEATURES]
        )
        for row in table().node_types
    ]
    balancers = [
        " | ".join([row.implementation, row.versions or "all", row.different_ports, row.same_port, row.needs or "-"])
        for row in table().load_balancers
    ]
    return [*versions, *nodes, *balancers]


def test_every_row_is_on_the_page() -> None:
    """Nothing of the table lacks there, or is there in another form."""
    assert [] == [row for row in rows() if f"| {row} |" not in PAGE]


def test_the_page_has_no_row_of_its_own() -> None:
    """Between the headings of the tables there are as many rows as the table has."""
    begin, end = PAGE.index("## What the clouds promise"), PAGE.index("## Day one")
    on_page = [line for line in PAGE[begin:end].splitlines() if line.startswith("| ")]
    assert len(rows()) + 3 == len(on_page)  # with the three head rows


def test_its_date_is_the_tables() -> None:
    """So a reader knows how old it is."""
    assert f"dated {table().dated}" in PAGE
