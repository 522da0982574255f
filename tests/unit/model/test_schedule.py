"""Schedules of CronJobs, read as the API server reads them; `tests/api/components/test_kind_corpus.py` asks it."""

import pytest

from components.model import schedule
from components.model.problem import UNKNOWN, Problem


def found(text: object) -> list[Problem]:
    """Return what is wrong with a schedule."""
    return list(schedule.problems("cron_job.schedule", text))


@pytest.mark.parametrize(
    "text",
    [
        *("* * * * *", "0 0 1 1 0", "*/15 0-6,20-23 * JAN-mar Mon,wed", "5/70 ? ? ? ?", " 1  2\t3 4 5 ", "*/1 * * * *"),
        *("@daily", "@midnight", "@yearly", "@annually", "@monthly", "@weekly", "@hourly"),
        *("@every 1h30m", "@every 90s", "@every .5h", "@every 1.h", "@every 0", "@every -5s", "@every 1µs2ns"),
        *("+5 * * * *", "5, * * * *", "0 0 30 2 1", "0 0 31 1,4 *", "0 0 29 2 *", "*-5 * * * *"),
    ],
)
def test_what_the_server_takes(text: str) -> None:
    """Names in any case, steps, alternatives, question marks and descriptors are schedules."""
    assert [] == found(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it has 0 fields, not 5"),
        ("* * * *", "it has 4 fields, not 5"),
        ("0 * * * * *", "it has 6 fields, not 5"),
        ("60 * * * *", "the minute is from 0 to 59"),
        ("* 24 * * *", "the hour is from 0 to 23"),
        ("* * 0 * *", "the day is from 1 to 31"),
        ("* * * 13 *", "the month is from 1 to 12"),
        ("* * * * 7", "the weekday is from 0 to 6"),
        ("5-1 * * * *", "'5-1' is not"),
        ("*/0 * * * *", "in steps of 0"),
        ("1/2/3 * * * *", "two slashes"),
        ("1-2-3 * * * *", "two hyphens"),
        ("mon * * * *", "'mon' is no minute"),
        ("* * * * */mon", "'mon' is no weekday"),
        ("-1 * * * *", "'' is no minute"),
        ("٣ * * * *", "is no minute"),
        ("1\x1c2 * * * *", "is no minute"),
        ("@Daily", "the words are"),
        (" @daily", "it has 1 fields"),
        ("@every", "the words are"),
        ("@every ", "no duration"),
        ("@every 5", "no duration"),
        ("@every 1d", "no duration"),
        ("@every 9999999999h", "no duration"),
        ("TZ=UTC 0 0 * * *", "write cron_job.time_zone"),
        ("TZ=UTC", "write cron_job.time_zone"),  # for which the server's parser panics
        ("CRON_TZ=UTC 0 0 * * *", "write cron_job.time_zone"),
    ],
)
def test_what_the_server_refuses(text: str, words: str) -> None:
    """Each is refused once, with what is wrong in it and what to write."""
    (problem,) = found(text)

    assert words in str(problem)
    assert "" == problem.rule


@pytest.mark.parametrize("text", ["0 0 30 2 *", "0 0 31 4,6 *", "0 0 31 feb ?", ", * * * *"])
def test_what_never_comes(text: str) -> None:
    """The server takes days that no month has, and waits for ever."""
    assert ["cron-never"] == [problem.rule for problem in found(text)]


def test_what_is_not_known_yet_is_left_alone() -> None:
    """A schedule that comes late is judged later."""
    assert [] == found(UNKNOWN)
