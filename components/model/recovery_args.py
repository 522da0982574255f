"""What is wrong with the arguments of the recovery components, before anything is registered. Pure.

They name files by their paths. A key or a kubeconfig where a path belongs is refused and never quoted: it is a secret,
and would lie in the stack's state.
"""

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from components.model import names
from components.model.problem import Problem, in_range, known, one_of, unique

POLICIES = ("fail", "skip", "update")
FAILING = ("now", "next", "never")
_SECRET = re.compile("AGE-SECRET-KEY-|PRIVATE KEY-----", re.IGNORECASE)
_DIGEST = re.compile("[0-9a-f]{64}")
_TOKEN = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{32}")
_MOST = 1_000_000


def snapshot_problems(args: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield everything that is wrong with a ClusterSnapshot's arguments (`UNKNOWN` where not known yet)."""
    yield from _filled("to", args.get("to"), "write a folder, or a URL such as s3://bucket/path")
    yield from _namespaces(args)
    yield from in_range("keep", args.get("keep"), 1, _MOST)
    recipients, without = args.get("recipients") or [], args.get("without") or []
    for index, text in enumerate(recipients if isinstance(recipients, list) else ()):
        yield from _recipient(f"recipients[{index}]", text)
    if recipients == [] and isinstance(without, list) and all(map(known, without)):
        secret = bool(args.get("encrypt_all")) or not any(fnmatchcase("secrets", str(each)) for each in without)
        if secret:
            what = "nobody is named who could read the Secrets, which are encrypted always"
            yield Problem("recipients", what, "write age1…, as `keygen` prints it, or leave out secrets by `without`")


def restore_problems(args: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield everything that is wrong with a ClusterRestore's arguments (`UNKNOWN` where not known yet)."""
    yield from _snapshot(args)
    yield from _namespaces(args)
    yield from one_of("on_conflict", args.get("on_conflict"), POLICIES, "fail")
    yield from in_range("patience_seconds", args.get("patience_seconds"), 0, _MOST)
    for field in ("map_namespaces", "map_storage_classes"):
        pairs = args.get(field)
        if isinstance(pairs, dict):
            yield from unique(((f"{field}.{old}", new) for old, new in pairs.items()), "new name")
    if isinstance(args.get("map_namespaces"), dict):
        for old, new in args["map_namespaces"].items():
            yield from names.dns_label(f"map_namespaces.{old}", new)


def reset_problems(args: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield everything that is wrong with a ClusterReset's arguments (`UNKNOWN` where not known yet)."""
    kubeconfig = args.get("kubeconfig")
    yield from _filled("kubeconfig", kubeconfig, "write the path of a kubeconfig")
    if isinstance(kubeconfig, str) and ("\n" in kubeconfig or kubeconfig.lstrip().startswith("{")):
        what = "it is the content of a kubeconfig, and a reset reads the file again afterwards"
        yield Problem("kubeconfig", what, "write the file's path")
    yield from _filled("context", args.get("context"), "write the context that is meant; there is no default here")
    yield from _snapshot(args)
    yield from in_range("max_age_minutes", args.get("max_age_minutes"), 0, _MOST)
    yield from in_range("drain_timeout_seconds", args.get("drain_timeout_seconds"), 0, _MOST)
    yield from in_range("patience_seconds", args.get("patience_seconds"), 1, _MOST)
    token = args.get("token")
    if isinstance(token, str) and not _TOKEN.fullmatch(token):
        yield Problem("token", "it is none", "write the one of the output `plan`, or leave it out to plan only")
    if token is not None:
        for field, remedy in (
            ("snapshot", "write the path of the snapshot that the plan is for"),
            ("driver", "write the program, with its arguments, that deletes the cluster and makes it anew"),
        ):
            if args.get(field) is None or args.get(field) == []:
                yield Problem(field, "a reset needs it", remedy)


def check_problems(args: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield everything that is wrong with a CriCheck's arguments (`UNKNOWN` where not known yet)."""
    yield from one_of("fail_for", args.get("fail_for"), FAILING, "now")


def _snapshot(args: Mapping[str, Any]) -> Iterator[Problem]:
    if args.get("snapshot") is not None:
        yield from _filled("snapshot", args.get("snapshot"), "write the path or URL of a snapshot")
    digest = args.get("digest")
    if isinstance(digest, str) and not _DIGEST.fullmatch(digest):
        yield Problem("digest", "it is no sha256", "write what `snapshot` printed: 64 hex digits")
    identities = args.get("identities")
    for index, path in enumerate(identities if isinstance(identities, list) else ()):
        if isinstance(path, str) and _SECRET.search(path):
            yield Problem(f"identities[{index}]", "it is a key itself", "write the path of the file that holds it")
        else:
            yield from _filled(f"identities[{index}]", path, "write the path of a file that `keygen` wrote")


def _recipient(path: str, text: Any) -> Iterator[Problem]:
    if isinstance(text, str) and _SECRET.search(text):
        yield Problem(path, "it is an identity, which is a secret", "write its recipient, age1…")
    elif isinstance(text, str) and not text.strip().startswith(("age1", "ssh-")):
        yield Problem(path, f"{text[:40]!r} is no recipient", "write age1…, or an SSH public key")


def _namespaces(args: Mapping[str, Any]) -> Iterator[Problem]:
    listed = args.get("namespaces")
    for index, namespace in enumerate(listed if isinstance(listed, list) else ()):
        yield from names.dns_label(f"namespaces[{index}]", namespace)


def _filled(path: str, value: Any, remedy: str) -> Iterator[Problem]:
    if isinstance(value, str) and not value.strip():
        yield Problem(path, "it is empty", remedy)
