"""What a run looks like in a log."""

import io

from lab.engine import PlainDisplay, Summary
from lab.engine.report import Report

URN = "urn:pulumi:dev::demo::kubernetes:core/v1:ConfigMap::a"


def test_long_errors_of_the_stack_are_told_once() -> None:
    """A traceback of the program is in the diagnostics at the end; its first line comes at once."""
    stream = io.StringIO()
    display, summary = PlainDisplay(stream), Summary("up")
    report = Report(display, summary)
    report.message("error", "Program failed:\nTraceback\nZeroDivisionError")
    report.message("error", "refused:\nby a webhook", URN)
    live = stream.getvalue().splitlines()
    assert "    error: Program failed:" in live
    assert 1 == len([line for line in live if "by a webhook" in line])
    display.end(summary)
    whole = stream.getvalue()
    assert (1, 2) == (whole.count("ZeroDivisionError"), whole.count("by a webhook"))
