"""What the recovery components have pulumi-command run: `python -m components.actions.commanded snapshot|…`.

1. What is asked is JSON in the variable RECOVERY_REQUEST, the connection JSON on standard input: no secret is in a
   process list, an environment or an error. Paths are relative to the folder that it is run in, and `~` is one's home.
2. It prints a receipt: one line of JSON, short whatever the size of the cluster, with names and counts and no values.
3. A receipt is for one request. Pulumi runs a command again when any of its inputs has changed, and hands over the last
   receipt: where that is of the same request (a reset: of the same token), as after a renewed kubeconfig or on another
   machine, it is printed again, and nothing else is done.
"""

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from components.actions.client import Client
from components.actions.connection import Connection
from components.actions.errors import ActionError
from components.actions.reset import Accepted, reset
from components.actions.reset.running import Target, done_before
from components.actions.restore import Choice, restore
from components.actions.snapshot import Archive, take, verify
from components.actions.snapshot.encryption import Recipients, identities_in
from components.model.archive import Selection
from components.model.mapping import Names

REQUEST, LAST = "RECOVERY_REQUEST", "PULUMI_COMMAND_STDOUT"
_LINES = 30

Request = Mapping[str, Any]


def main(word: str) -> str:
    """Do what the environment asks for, unless it is done; return the receipt. Raises `ActionError`."""
    request = json.loads(os.environ[REQUEST])
    wanted = _key(word, request)
    last = _receipt(os.environ.get(LAST, ""))
    done = last if last.get("request") == wanted else {"request": wanted, **_WORDS[word](request)}
    return json.dumps(done)


def accepted(request: Request) -> Accepted:
    """Return what a request for a plan or a reset accepts."""
    return Accepted(*(bool(request.get(f"accept_{each}")) for each in ("losses", "rollouts", "changes")))


def opened(request: Request) -> Archive:
    """Return the snapshot that a request names, verified."""
    identities = [each for path in request.get("identities") or () for each in identities_in(Path(path).expanduser())]
    return verify(_place(request["snapshot"]), identities, digest=request.get("digest") or "")


def max_age(request: Request) -> timedelta:
    """Return how old the snapshot may be that a reset comes back from."""
    return timedelta(minutes=request.get("max_age_minutes", 60))


def _snapshot(request: Request) -> dict[str, Any]:
    chosen = Selection(
        tuple(request.get("namespaces") or ()), request.get("selector") or "", tuple(request.get("without") or ())
    )
    with _client() as client:
        taken = take(
            client,
            _place(request["to"]),
            Recipients(request.get("recipients") or ()),
            selection=chosen,
            encrypt=request.get("encrypt") or (),
            encrypt_all=bool(request.get("encrypt_all")),
            keep=request.get("keep"),
        )
    manifest = taken.archive.manifest
    _say([*manifest.notes, *(f"removed: {each}" for each in taken.removed)])
    return {
        "snapshot": taken.place,
        "digest": taken.archive.digest,
        "cluster": manifest.cluster,
        "kubernetes": manifest.kubernetes,
        "started": manifest.started,
        "objects": manifest.count,
        "encrypted": sum(part.count for part in manifest.parts if part.encrypted),
        "types": sum(1 for each in manifest.types if each.count),
        "exact": manifest.exact,
    }


def _restore(request: Request) -> dict[str, Any]:
    archive = opened(request)
    names = Names(request.get("map_namespaces") or {}, request.get("map_storage_classes") or {})
    choice = Choice(tuple(request.get("namespaces") or ()), tuple(request.get("without") or ()), names)
    with _client() as client:
        outcome = restore(
            client,
            archive,
            _journal(request, f"restore-{archive.digest[:12]}.journal"),
            choice=choice,
            policy=request.get("on_conflict") or "fail",
            source=request.get("from_cluster") or "",
            patience=request.get("patience_seconds", 60),
        )
    found = outcome.comparison
    kept = [f"kept: {name}: {why}" for name, why in outcome.kept.items()]
    if not outcome.whole:
        raise ActionError(
            _cut(
                [
                    "not every object is there as the snapshot has it; run it again when the causes are gone:",
                    *(f"  failed: {name}: {why}" for name, why in outcome.failed.items()),
                    *(f"  missing: {name}" for name in found.missing if name not in outcome.failed),
                    *(f"  different: {name}: {', '.join(paths)}" for name, paths in found.different.items()),
                    *(f"  {each}" for each in kept),
                ]
            )
        )
    _say([*kept, *outcome.notes, *(f"not restored: {number} {why}" for why, number in found.left.items())])
    counts = {name: outcome.counts.get(name, 0) for name in ("created", "same", "updated", "kept")}
    return {"digest": archive.digest, **counts, "equal": found.equal, "besides": len(found.extra)}


def _reset(request: Request) -> dict[str, Any]:
    archive = opened(request)
    journal = reset_journal(request, archive)
    # Its receipt was lost, as when Pulumi was killed and the reset was not.
    if made := done_before(journal, request["token"]):
        return {"old": archive.manifest.cluster, "new": made}
    new = reset(
        Target(request["kubeconfig"], request["context"]),
        archive,
        request["token"],
        request["driver"],
        journal,
        now=datetime.now(UTC),
        accepted=accepted(request),
        oldest=max_age(request),
        drain_timeout=request.get("drain_timeout_seconds", 300),
        ignore_budgets=bool(request.get("ignore_budgets")),
        patience=request.get("patience_seconds", 1800),
        say=lambda line: _say([line]),
    )
    return {"old": archive.manifest.cluster, "new": new}


def reset_journal(request: Request, archive: Archive) -> Path:
    """Return where the journal of a reset lies."""
    return _journal(request, f"reset-{archive.digest[:12]}.journal")


def _journal(request: Request, default: str) -> Path:
    return Path(request.get("journal") or default).expanduser()


def _place(text: str) -> str:
    return text if "://" in text else str(Path(text).expanduser())


_WORDS: Mapping[str, Callable[[Request], dict[str, Any]]] = {
    "snapshot": _snapshot,
    "restore": _restore,
    "reset": _reset,
}


def _client() -> Client:
    told = json.load(sys.stdin)
    return Connection(told["kubeconfig"], told.get("context"), told.get("cluster_id")).client()


def _key(word: str, request: Request) -> str:
    """Return what tells this request from another; a reset is asked for by its token, once."""
    told = request["token"] if word == "reset" else json.dumps(request, sort_keys=True)
    return hashlib.sha256(f"{word}\0{told}".encode()).hexdigest()[:32]


def _receipt(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _say(lines: Iterable[str]) -> None:
    if told := _cut(list(lines)):
        sys.stderr.write(f"{told}\n")
        sys.stderr.flush()


def _cut(lines: list[str]) -> str:
    more = [f"  and {len(lines) - _LINES} more"] if len(lines) > _LINES else []
    return "\n".join([*lines[:_LINES], *more])


def run() -> None:
    """Run it; a foreseeable problem is told in a few lines and exit code 1."""
    try:
        sys.stdout.write(f"{main(sys.argv[1])}\n")
    except (ActionError, ValueError) as problem:
        sys.stderr.write(f"error: {_cut(str(problem).splitlines())}\n")
        sys.exit(1)


if __name__ == "__main__":
    run()
