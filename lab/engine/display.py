"""How a run looks: lines for logs, a live tree for terminals; in the manner of the official CLI."""

import json
import sys
import threading
import time
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from lab.engine.model import Diagnostic, Row, Summary, name_of, shown, type_of
from lab.engine.report import Display

_SIGNS = {"create": "+ ", "update": "~ ", "replace": "+-", "delete": "- ", "same": "  "}
_STYLES = {"create": "green", "update": "yellow", "replace": "magenta", "delete": "red", "same": "dim"}
_DONE = {
    "creating": "created",
    "creating replacement": "created replacement",
    "updating": "updated",
    "refreshing": "refreshed",
    "deleting": "deleted",
    "deleting original": "deleted original",
}
_TITLES = {"up": "Updating", "preview": "Previewing update", "refresh": "Refreshing", "destroy": "Destroying"}


def status(row: Row, *, preview: bool) -> str:
    """Return what happens to a resource, in words: `creating`, `created (0.12s)`, `**updating failed**`."""
    diff = f" [diff: {', '.join(row.details)}]" if row.details else ""
    if row.phase == "failed":
        return f"**{row.step} failed**{diff}"
    if preview or not row.phase:
        return f"{'' if row.op == 'same' else row.op}{diff}"
    if row.phase == "running":
        return f"{row.step}{diff}"
    return f"{_DONE.get(row.step, row.step)} ({row.seconds:.2f}s){diff}"


def ending(summary: Summary) -> list[str]:
    """Return the last lines of a run: diagnostics by resource, outputs, counts, duration."""
    lines = [*_diagnostics(summary), *_outputs(summary)]
    ops = ("create", "update", "replace", "delete")
    past = "" if summary.action == "preview" else "d"
    counts = [f"    {_SIGNS[op].strip()} {summary.counts[op]} {op}{past}" for op in ops if summary.counts[op]]
    changed = sum(summary.counts[op] for op in ops)
    if summary.counts["same"]:
        prefix = f"{changed} changes. " if changed else ""
        counts.append(f"    {prefix}{summary.counts['same']} unchanged")
    title = "Resources:" if summary.ok else "Resources (the run failed):"
    return [*lines, title, *(counts or ["    none"]), "", f"Duration: {summary.seconds:.0f}s"]


def _diagnostics(summary: Summary) -> list[str]:
    grouped: dict[str, list[str]] = {}
    for found in summary.diagnostics:
        prefix = "" if found.severity == "info" else f"{found.severity}: "
        grouped.setdefault(found.urn, []).extend(f"    {line}" for line in f"{prefix}{found.message}".splitlines())
    if not grouped:
        return []
    lines = ["Diagnostics:"]
    for urn, texts in sorted(grouped.items()):
        lines += [f"  {type_of(urn)} ({name_of(urn)}):" if urn else "  the stack:", *texts, ""]
    return lines


def _outputs(summary: Summary) -> list[str]:
    if summary.action == "destroy" or not (summary.outputs or summary.old_outputs):
        return []
    lines = ["Outputs:"]
    width = max(map(len, {*summary.outputs, *summary.old_outputs}))
    for key in sorted({*summary.outputs, *summary.old_outputs}):
        old, new = (_json(side.get(key)) for side in (summary.old_outputs, summary.outputs))
        raw_same = summary.old_outputs.get(key) == summary.outputs.get(key)
        if key not in summary.old_outputs:
            lines.append(f"  + {key:{width}}: {new}")
        elif key not in summary.outputs:
            lines.append(f"  - {key:{width}}: {old}")
        elif raw_same:
            lines.append(f"    {key:{width}}: {new}")
        else:
            lines.append(f"  ~ {key:{width}}: {old} => {new}")
    return [*lines, ""]


def _json(value: object) -> str:
    text = shown(value)
    return str(text) if text in ("[secret]", "[unknown]") else json.dumps(text)


class PlainDisplay:
    """One line per event; for logs, pipes and tests."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._preview = False

    def _print(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()

    def begin(self, summary: Summary, stack: str) -> None:
        """Print the title."""
        self._preview = summary.action == "preview"
        self._print(f"{_TITLES[summary.action]} ({stack}):\n")

    def row(self, row: Row) -> None:
        """Print the row's new phase; rows without a change stay silent."""
        if row.op == "same" or (self._preview and row.phase in ("running", "done")):
            return
        if row.phase or self._preview:
            self._print(f" {_SIGNS[row.op]} {row.type} {row.name} {status(row, preview=self._preview)}")

    def message(self, diagnostic: Diagnostic) -> None:
        """Print the message, after its resource's name; of the stack's errors the first line: all is in the ending."""
        place = f"{type_of(diagnostic.urn)} {name_of(diagnostic.urn)}: " if diagnostic.urn else ""
        prefix = "" if diagnostic.severity == "info" else f"{diagnostic.severity}: "
        text = diagnostic.message
        if diagnostic.severity == "error" and not diagnostic.ephemeral and not diagnostic.urn:
            text = text.splitlines()[0]
        self._print(f"    {place}{prefix}{text}")

    def end(self, summary: Summary) -> None:
        """Print the ending."""
        self._print("\n" + "\n".join(ending(summary)))


class RichDisplay:
    """A live tree of resources on a terminal; unchanged ones are left out unless something changes under them."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._rows: dict[str, Row] = {}
        self._info: dict[str, str] = {}
        self._began: dict[str, float] = {}
        self._preview = False
        self._lock = threading.Lock()
        self._live: Live | None = None

    def begin(self, summary: Summary, stack: str) -> None:
        """Open the live tree."""
        self._preview = summary.action == "preview"
        self._rows, self._info, self._began = {}, {}, {}
        self._console.print(f"[bold]{_TITLES[summary.action]} ({escape(stack)}):[/]")
        self._live = Live(get_renderable=self._render, console=self._console, refresh_per_second=8)
        self._live.start()

    def row(self, row: Row) -> None:
        """Remember the row for the next refresh."""
        with self._lock:
            self._rows[row.urn] = row
            if row.phase == "running":
                self._began[row.urn] = time.monotonic()
            elif row.phase:
                self._info.pop(row.urn, None)

    def message(self, diagnostic: Diagnostic) -> None:
        """Put the message on its resource's row."""
        with self._lock:
            prefix = "" if diagnostic.severity == "info" else f"{diagnostic.severity}: "
            self._info[diagnostic.urn] = prefix + diagnostic.message.splitlines()[0]

    def end(self, summary: Summary) -> None:
        """Close the tree and print the ending."""
        if self._live:
            self._live.stop()
            self._live = None
        for line in ["", *ending(summary)]:
            error = line.lstrip().startswith(("error:", "Resources (the run failed)"))
            self._console.print(Text(line, style="red" if error else ""))

    def _render(self) -> RenderableType:
        with self._lock:
            table = Table.grid(padding=(0, 1))
            for _ in range(5):
                table.add_column(overflow="ellipsis", no_wrap=True)
            shown_urns = self._visible()
            for urn, depth in self._ordered():
                if urn in shown_urns:
                    self._add(table, self._rows[urn], depth)
            general = self._info.get("", "")
            return Group(table, Text(general, style="dim")) if general else table

    def _add(self, table: Table, row: Row, depth: int) -> None:
        text = status(row, preview=self._preview)
        if row.phase == "running":
            text += f" ({time.monotonic() - self._began.get(row.urn, time.monotonic()):.0f}s)"
        style = "red" if row.phase == "failed" else _STYLES[row.op]
        cells = [_SIGNS[row.op], "  " * depth + row.type, row.name, text, self._info.get(row.urn, "")]
        table.add_row(*(Text(cell, style=style if i < 4 else "dim") for i, cell in enumerate(cells)))

    def _visible(self) -> set[str]:
        found: set[str] = set()
        for urn, row in self._rows.items():
            here: str = urn if row.op != "same" or urn in self._info else ""
            while here and here not in found and here in self._rows:
                found.add(here)
                here = self._rows[here].parent
        return found

    def _ordered(self) -> list[tuple[str, int]]:
        children: dict[str, list[str]] = {}
        for urn, row in self._rows.items():
            children.setdefault(row.parent if row.parent in self._rows else "", []).append(urn)
        found: list[tuple[str, int]] = []
        stack = [(urn, 0) for urn in reversed(children.get("", []))]
        while stack:
            urn, depth = stack.pop()
            found.append((urn, depth))
            stack += [(child, depth + 1) for child in reversed(children.get(urn, []))]
        return found


class QuietDisplay:
    """Shows nothing: the summary is all that is wanted."""

    def begin(self, summary: Summary, stack: str) -> None:
        """Show nothing."""

    def row(self, row: Row) -> None:
        """Show nothing."""

    def message(self, diagnostic: Diagnostic) -> None:
        """Show nothing."""

    def end(self, summary: Summary) -> None:
        """Show nothing."""


def best_display() -> Display:
    """Return the live form where standard output is a terminal, else plain lines."""
    return RichDisplay() if sys.stdout.isatty() else PlainDisplay()
