"""Names, labels and port names, as the API server checks them.

Source: k8s.io/apimachinery/pkg/util/validation (RFC 1123, RFC 1035, IANA service names, qualified names).
"""

import re
from collections.abc import Iterator
from typing import Any

from components.model.problem import Problem, entry_path, known

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_RFC1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_QUALIFIED = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)")


def dns_label(path: str, value: Any) -> Iterator[Problem]:
    """Check an RFC 1123 label: namespaces, containers, volumes; at most 63 characters."""
    yield from _match(path, value, _LABEL, 63, "lower-case letters, digits and '-', such as 'web-1'")


def service_name(path: str, value: Any) -> Iterator[Problem]:
    """Check an RFC 1035 label, which Service names must be: it starts with a letter; at most 63 characters."""
    yield from _match(path, value, _RFC1035, 63, "a letter, then letters, digits and '-', such as 'web-1'")


def dns_subdomain(path: str, value: Any, limit: int = 253) -> Iterator[Problem]:
    """Check an RFC 1123 subdomain: names of Deployments and ConfigMaps."""
    yield from _match(path, value, _SUBDOMAIN, limit, "lower-case letters, digits, '-' and '.'")


def port_name(path: str, value: Any) -> Iterator[Problem]:
    """Check a container's port name (IANA service name): at most 15 characters, with a letter, no '--'."""
    if not known(value) or not isinstance(value, str):
        return
    fits = len(value) <= 15 and _LABEL.fullmatch(value) and "--" not in value and re.search("[a-z]", value)
    if not fits:
        yield Problem(
            path,
            f"{value!r} is not a port name",
            "write at most 15 lower-case letters, digits and single '-', with a letter among them",
        )


def labels(path: str, value: Any, *, values: bool = True) -> Iterator[Problem]:
    """Check the keys and, for labels rather than annotations, the values of a map."""
    if not isinstance(value, dict):
        return
    for key, content in value.items():
        prefix, slash, name = key.rpartition("/")
        if not (_QUALIFIED.fullmatch(name) and len(name) <= 63) or (
            slash and not (_SUBDOMAIN.fullmatch(prefix) and len(prefix) <= 253)
        ):
            yield Problem(
                entry_path(path, key),
                "this is not a label key",
                "write 'name' or 'example.com/name', the name at most 63 letters, digits, '-', '_' and '.'",
            )
        if (
            values
            and isinstance(content, str)
            and content
            and not (_QUALIFIED.fullmatch(content) and len(content) <= 63)
        ):
            yield Problem(
                entry_path(path, key),
                f"{content!r} is not a label value",
                "write at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends",
            )


def _match(path: str, value: Any, pattern: re.Pattern[str], limit: int, rule: str) -> Iterator[Problem]:
    if not known(value) or not isinstance(value, str):
        return
    if len(value) > limit:
        yield Problem(path, f"it has {len(value)} characters", f"write at most {limit}")
    elif not pattern.fullmatch(value):
        yield Problem(path, f"{value!r} is not a valid name", f"write {rule}")
