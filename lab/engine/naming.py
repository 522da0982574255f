"""URNs: how a resource is called, and how it may have been called before (aliases).

As in the official engine, aliases are tried only when the state does not know the resource under its own URN, and a
child inherits its parent's: with each of them in the place of the parent's URN, and with the parent's old name where
the child's begins with the new one.
"""

import threading
from dataclasses import replace

from lab.engine.model import STACK, Alias, Goal, name_of, type_of


class Naming:
    """Gives URNs and aliases to the registrations of one run. `prefix` is `urn:pulumi:<stack>::<project>::`."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._stack, self._project = prefix.removeprefix("urn:pulumi:").removesuffix("::").split("::")
        self._aliases: dict[str, list[str]] = {}
        self._lock = threading.Lock()

    def urn(self, goal: Goal) -> str:
        """Return the URN: stack, project, the parents' types, type and name."""
        return self._prefix + _tail(_qualified(goal.parent), goal.type, goal.name)

    def aliases(self, urn: str, goal: Goal) -> list[str]:
        """Return the earlier URNs that the program names, and remember them for the resource's children.

        A parent's aliases count for its children whether or not the state had the parent under one of them: an
        interrupted run may have renamed the parent alone.
        """
        own = [self._collapsed(goal, alias) for alias in goal.aliases]
        found = list(own)
        with self._lock:
            parents = list(self._aliases.get(goal.parent, []))
        for parent in parents:
            found.append(self._inherited(goal, goal.type, goal.name, parent))
            found += [self._inherited(goal, type_of(alias), name_of(alias), parent) for alias in own]
        unique = [alias for alias in dict.fromkeys(found) if alias != urn]
        with self._lock:
            self._aliases[urn] = unique
        return unique

    def _collapsed(self, goal: Goal, alias: Alias) -> str:
        if alias.urn:
            return alias.urn
        parent = goal.parent if alias.parent is None else alias.parent
        other = replace(goal, type=alias.type or goal.type, name=alias.name or goal.name)
        prefix = f"urn:pulumi:{alias.stack or self._stack}::{alias.project or self._project}::"
        return prefix + _tail(_qualified(parent), other.type, other.name)

    def _inherited(self, goal: Goal, type_: str, name: str, parent_alias: str) -> str:
        parent_name = name_of(goal.parent)
        if name.startswith(parent_name):
            name = name_of(parent_alias) + name.removeprefix(parent_name)
        return self._prefix + _tail(_qualified(parent_alias), type_, name)


def _qualified(parent: str) -> str:
    types = parent.split("::", 3)[2] if parent else ""
    return f"{types}$" if types and types != STACK else ""


def _tail(qualified: str, type_: str, name: str) -> str:
    return f"{qualified}{type_}::{name}"
