"""Several requests at a time."""

import threading
import time

import pytest

from components.actions.parallel import at_once


def test_answers_come_in_order_and_the_work_side_by_side() -> None:
    """Eight of them wait for each other, which only works at the same time."""
    barrier = threading.Barrier(8, timeout=5)

    def work(number: int) -> int:
        barrier.wait()
        time.sleep(0.01 * (8 - number))
        return number * number

    assert [n * n for n in range(8)] == at_once(work, range(8))


def test_the_first_failure_is_raised_after_all_have_ended() -> None:
    """What was begun is not left half way."""
    ended = []

    def work(number: int) -> None:
        time.sleep(0.02 * number)
        ended.append(number)
        if number in (1, 3):
            raise ValueError(f"{number}")

    with pytest.raises(ValueError, match="1"):
        at_once(work, range(5))
    assert [0, 1, 2, 3, 4] == sorted(ended)
