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
_DATA_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")


def dns_label(path: str, value: Any) -> Iterator[Problem]:
    """Check an RFC 1123 label: namespaces, containers, volumes; at most 63 characters."""
    yield from _match(path, value, _LABEL, 63, "lower-case letters, digits and '-', such as 'web-1'")


def service_name(path: str, value: Any) -> Iterator[Problem]:
    """Check an RFC 1035 label, which Service names must be: it starts with a letter; at most 63 characters."""
    yield from _match(path, value, _RFC1035, 63, "a letter, then letters, digits and '-', such as 'web-1'")


def dns_subdomain(path: str, value: Any, limit: int = 253, rule: str = "") -> Iterator[Problem]:
    """Check an RFC 1123 subdomain: names of Deployments and ConfigMaps."""
    yield from _match(path, value, _SUBDOMAIN, limit, "lower-case letters, digits, '-' and '.'", rule)


def reference(path: str, value: Any) -> Iterator[Problem]:
    """Check the name of an object that has to be there: the API server takes any text, where no object has it."""
    yield from dns_subdomain(path, value, rule="reference")


def data_key(path: str, value: Any, rule: str = "") -> Iterator[Problem]:
    """Check a key in the data of a ConfigMap or Secret, which is a file's name, too."""
    if isinstance(value, str) and (not _DATA_KEY.fullmatch(value) or value == "." or value.startswith("..")):
        remedy = "write at most 253 letters, digits, '-', '_' and '.', without '..' in front"
        yield Problem(path, "this is not a file name", remedy, rule)


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
            "" if value else "empty",
        )


def is_qualified(text: str) -> bool:
    """Tell whether a text is a qualified name: `name` or `example.com/name`."""
    prefix, slash, name = text.rpartition("/")
    fits = _QUALIFIED.fullmatch(name) is not None and len(name) <= 63
    return fits and (not slash or (_SUBDOMAIN.fullmatch(prefix) is not None and len(prefix) <= 253))


def labels(path: str, value: Any) -> Iterator[Problem]:
    """Check the keys and values of a map of labels."""
    for key, content in value.items() if isinstance(value, dict) else ():
        yield from label_key(entry_path(path, key), key)
        yield from label_value(entry_path(path, key), content)


def label_key(path: str, key: str) -> Iterator[Problem]:
    """Check the key of a label, an annotation or a taint."""
    if not is_qualified(key):
        yield Problem(
            path,
            "this is not a label key",
            "write 'name' or 'example.com/name', the name at most 63 letters, digits, '-', '_' and '.'",
        )


def label_value(path: str, value: Any, rule: str = "") -> Iterator[Problem]:
    """Check the value of a label or a taint."""
    if isinstance(value, str) and value and not (_QUALIFIED.fullmatch(value) and len(value) <= 63):
        yield Problem(
            path,
            f"{value!r} is not a label value",
            "write at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends",
            rule,
        )


def _match(path: str, value: Any, pattern: re.Pattern[str], limit: int, form: str, rule: str = "") -> Iterator[Problem]:
    if not known(value) or not isinstance(value, str):
        return
    if len(value) > limit:
        yield Problem(path, f"it has {len(value)} characters", f"write at most {limit}", rule)
    elif not pattern.fullmatch(value):
        yield Problem(path, f"{value!r} is not a valid name", f"write {form}", rule if value else "empty")
