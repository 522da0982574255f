"""The one error type of the components.

pulumi.RunError, ValueError
└── InvalidArgs      every problem of one component's arguments, at once
"""

from collections.abc import Sequence

import pulumi

from components.model.problem import Problem


class InvalidArgs(pulumi.RunError, ValueError):  # noqa: N818  # named for what it tells
    """Arguments that cannot be deployed, found before anything was registered or changed.

    As a RunError it ends a program with its text alone, without a traceback. `problems` has every one, each with the
    field's path, what is wrong and what to write instead.
    """

    problems: Sequence[Problem]

    def __init__(self, component: str, name: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        lines = "".join(f"\n  {problem}" for problem in self.problems)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__(f"{component} {name!r} has {count} in its arguments:{lines}")


def raise_for(component: str, name: str, problems: Sequence[Problem]) -> None:
    """Raise InvalidArgs when there are problems."""
    if problems:
        raise InvalidArgs(component, name, problems)
