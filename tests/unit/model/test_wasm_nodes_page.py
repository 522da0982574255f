"""docs/wasm-nodes.md says what the table of ways says, row by row, and what the benchmark drew."""

import re
from pathlib import Path

from components.model.platforms import NAMES
from components.model.wasm_nodes import PROGRAMS
from components.model.wasm_nodes_ways import ways

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE = (DOCS / "wasm-nodes.md").read_text()


def test_every_way_is_on_the_page() -> None:
    """Kinds of nodes are there in the table's own words, and no others."""
    expected = [
        f"| {NAMES.get(way.platform, way.platform)} | {way.node_type} | {way.answer}: {way.reason} | {way.way} |"
        for way in ways()
    ]
    begin = PAGE.index("| platform | nodes |")
    assert expected == PAGE[begin : PAGE.index("\n\n", begin)].splitlines()[2:]


def test_every_preset_is_on_the_page() -> None:
    """Someone who looks for a runtime finds its name."""
    begin = PAGE.index("| preset | program |")
    table = PAGE[begin : PAGE.index("\n\n", begin)]
    assert [] == [name for name in (*PROGRAMS, "custom") if f"`{name}`" not in table]


def test_the_chart_is_of_the_figures_in_the_table() -> None:
    """Both come from one run."""
    chart = (DOCS / "wasm-nodes.svg").read_text()
    figures = re.findall(r">([\d.]+ (?:s|MiB))<", chart)
    assert 6 == len(figures)
    assert [] == [figure for figure in figures if f"| {figure}" not in PAGE]
