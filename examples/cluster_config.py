"""Reads the stack's config and collects everything that is wrong with it, to be told at once.

The programs that make a cluster share it; a folder that is taken away by itself takes this file along.
"""

import ipaddress
import json
import re

import pulumi


class Checks:
    """Reads keys; `finish` raises what was wrong with them. A key of another namespace is written `aws:region`."""

    def __init__(self) -> None:
        self._config = pulumi.Config()
        self._problems: list[str] = []

    def text(self, key: str, pattern: str, remedy: str, default: str = "") -> str:
        """Return a key's text, which has to match the pattern as a whole; an empty key has the default."""
        value = self._raw(key) or default
        if not re.fullmatch(pattern, value):
            self.complain(key, f"{value!r} is not of the right form" if value else "it is empty", remedy)
        return value

    def choice(self, key: str, default: str, choices: tuple[str, ...]) -> str:
        """Return one of the choices."""
        return self.text(key, "|".join(map(re.escape, choices)), f"write {' or '.join(choices)}", default)

    def flag(self, key: str, *, default: bool) -> bool:
        """Return a boolean."""
        return self.choice(key, str(default).lower(), ("true", "false")) == "true"

    def integer(self, key: str, default: int, low: int, high: int) -> int:
        """Return a whole number of the range."""
        value = self._raw(key) or str(default)
        if not re.fullmatch(r"-?\d+", value) or not low <= int(value) <= high:
            self.complain(key, f"{value!r} is no whole number from {low} to {high}", "write one of that range")
            return default
        return int(value)

    def texts(self, key: str, pattern: str, remedy: str) -> list[str]:
        """Return a list whose entries have to match the pattern as a whole."""
        values = self._list(key, remedy)
        for value in values:
            if not re.fullmatch(pattern, value):
                self.complain(key, f"{value!r} is not of the right form", remedy)
        return values

    def networks(self, key: str) -> list[str]:
        """Return the IPv4 networks that may reach the API server: no default, and the whole internet is none."""
        remedy = 'write a list of networks such as ["203.0.113.7/32"], or [] for the cluster\'s own network only'
        if not self._raw(key):
            self.complain(key, "it is empty, and it decides who can reach the API server", remedy)
            return []
        values = self._list(key, remedy)
        for value in values:
            try:
                everything = ipaddress.IPv4Network(value).prefixlen == 0
            except ValueError:
                self.complain(key, f"{value!r} is no IPv4 network, whose bits behind the prefix are zero", remedy)
            else:
                if everything:
                    self.complain(key, f"{value!r} is the whole internet", remedy)
        return values

    def complain(self, key: str, what: str, remedy: str) -> None:
        """Add a problem: the key, or where else it is in words, what is wrong there, what to write or do."""
        where = key if re.search("[: ]", key) else f"{self._config.name}:{key}"
        self._problems.append(f"{where}: {what}; {remedy}")

    def finish(self) -> None:
        """Raise RunError with all problems, if there are any."""
        if self._problems:
            count = "1 problem" if len(self._problems) == 1 else f"{len(self._problems)} problems"
            lines = "".join(f"\n  {problem}" for problem in self._problems)
            raise pulumi.RunError(f"the config of stack {pulumi.get_stack()} has {count}; nothing was changed:{lines}")

    def _raw(self, key: str) -> str:
        namespace, _, name = key.rpartition(":")
        return ((pulumi.Config(namespace) if namespace else self._config).get(name) or "").strip()

    def _list(self, key: str, remedy: str) -> list[str]:
        try:
            found = json.loads(self._raw(key) or "[]")
        except ValueError:
            found = None
        if not isinstance(found, list) or not all(isinstance(entry, str) for entry in found):
            self.complain(key, "it is not a list of texts", remedy)
            return []
        return found
