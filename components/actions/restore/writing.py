"""Writes one object into a cluster, and may be killed and run again at any point.

A conflict is an object that was there before the restore and differs. What appears during the restore, and differs, was
made by a controller meanwhile (the ServiceAccount `default` of a new namespace), or by a run that was killed: it is
changed.
"""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from components.actions.client import Client, Json
from components.actions.errors import ApiError
from components.actions.restore.comparing import differing
from components.actions.restore.wanted import Wanted
from components.model.normal import merge_patch, normal
from components.model.restorable import Context

MANAGER = "kubernetes-emerging-restore"
Policy: TypeAlias = Literal["skip", "update", "fail"]
_FIRST_PAUSE, _PAUSE = 0.05, 0.5
# Worth another attempt: a kind that is not served yet, a webhook or a server that is on its way.
_PASSING = {404, 500, 502, 503, 504}
_ATTEMPTS = 3
# Any patch writes what they hold raw anew, which the server takes for a change of what cannot be changed.
_RAW = {"controllerrevisions.apps"}


@dataclass(frozen=True)
class Written:
    """How an object ended: created, same, updated, kept (it differs, and stays) or failed; `why` for the last two."""

    outcome: Literal["created", "same", "updated", "kept", "failed"]
    uid: str = ""
    why: str = ""
    notes: tuple[str, ...] = ()


class Writer:
    """Writes objects by one policy. `existed` were there before the restore, `uids` has the new UID of an old one."""

    def __init__(
        self, client: Client, context: Context, policy: Policy, existed: Collection[str], patience: float
    ) -> None:
        self.uids: dict[str, str] = {}
        self._client = client
        self._context = context
        self._policy = policy
        self._existed = existed
        self._patience = patience
        self._hopeless: set[str] = set()
        self._lost: set[str] = set()

    def write(self, each: Wanted, expected: Collection[str], known: Callable[[str], bool]) -> Written:
        """Write an object. `expected` are old UIDs of what is to come, `known` tells whether a UID is there."""
        if each.key.namespace in self._lost:
            return Written("failed", why="its namespace was not restored")
        owners: list[Json] = []
        notes: list[str] = []
        for owner in each.owners:
            old = str(owner.get("uid", ""))
            if each.adopted(owner):
                continue
            if old in self.uids or known(old):
                owners.append(owner | {"uid": self.uids.get(old, old)})
            elif old in expected:
                return Written("failed", why=f"its owner {owner.get('kind')} {owner.get('name')} was not restored")
            else:
                notes.append(
                    f"{each.key}: its owner {owner.get('kind')} {owner.get('name')} is not restored; the reference was "
                    "dropped, or the garbage collector would delete it"
                )
        metadata = {k: v for k, v in each.body["metadata"].items() if k != "ownerReferences"}
        body = each.body | {"metadata": metadata | ({"ownerReferences": owners} if owners else {})}
        try:
            found = self._write(each, body)
        except ApiError as error:
            found = Written("failed", why=_why(each, error))
            if each.key.kind == "namespaces":
                self._lost.add(each.key.name)
        return Written(found.outcome, found.uid, found.why, (*notes, *found.notes))

    def _write(self, each: Wanted, body: Json) -> Written:
        deadline = time.monotonic() + self._patience
        # What is known to be there is not tried: it would cost a request, and admission may answer first.
        there, pause = str(each.key) in self._existed, _FIRST_PAUSE
        while True:
            try:
                live = self._client.find(each.path) if there else None
                if live is not None and not live["metadata"].get("deletionTimestamp"):
                    return self._existing(each, body, live)
                made = self._client.create(each.collection, body, field_manager=_maker(each))
            except ApiError as error:
                if not _passes(error) or (each.key.kind in self._hopeless and not error.conflict):
                    raise
                if time.monotonic() >= deadline:
                    # The others of its type need not wait as long for the same thing.
                    self._hopeless.add(each.key.kind)
                    raise
                there = there or error.reason == "AlreadyExists"
            else:
                return Written("created", str(made["metadata"]["uid"]), notes=self._give_fields_back(each, made))
            time.sleep(pause)
            pause = _PAUSE

    def _existing(self, each: Wanted, body: Json, live: Json) -> Written:
        uid = str(live["metadata"]["uid"])
        before = str(each.key) in self._existed
        paths = differing(each, live, self._context, owned=False)
        if not paths and before:
            return Written("same", uid)
        if not paths:
            return Written("created", uid, notes=self._give_fields_back(each, live))
        if before and self._policy != "update":
            where = ", ".join(paths[:5])
            return Written("kept" if self._policy == "skip" else "failed", uid, f"it is there and differs in {where}")
        patch = merge_patch(normal(each.key.kind, live, self._context), body)
        if "ownerReferences" not in body["metadata"]:
            # Who adopted it in the meantime keeps it.
            patch.get("metadata", {}).pop("ownerReferences", None)
        patch.setdefault("metadata", {})["resourceVersion"] = live["metadata"]["resourceVersion"]
        changed = self._client.patch(each.path, patch, field_manager=MANAGER)
        if before:
            return Written("updated", uid)
        return Written("created", uid, notes=self._give_fields_back(each, changed))

    def _give_fields_back(self, each: Wanted, live: Json) -> tuple[str, ...]:
        """Let those own the fields who owned them, or their next apply meets conflicts with the restore.

        Returns what is to be said where the server does not take it.
        """
        if not each.managed_fields or each.key.kind in _RAW:
            return ()
        why = ""
        for _attempt in range(_ATTEMPTS):
            metadata = live["metadata"]
            mine = [e for e in metadata.get("managedFields") or () if e.get("manager") == MANAGER]
            if not mine:
                return ()
            others = [e for e in metadata["managedFields"] if e.get("manager") != MANAGER]
            given = [*each.managed_fields, *(e for e in others if _owner(e) not in map(_owner, each.managed_fields))]
            patch = {"metadata": {"managedFields": given, "resourceVersion": metadata["resourceVersion"]}}
            try:
                self._client.patch(each.path, patch, field_manager=MANAGER)
            except ApiError as error:
                why = str(error.status)
                if not error.conflict:
                    break
                found = self._client.find(each.path)
                if found is None:
                    return ()
                live = found
            else:
                return ()
        return (f"{each.key}: its fields are owned by {MANAGER} ({why}): apply it once with --force-conflicts",)


def _maker(each: Wanted) -> str:
    """Return in whose name an object is created: its only manager's, which saves giving the fields back."""
    if len(each.managed_fields) == 1 and each.managed_fields[0].get("operation") == "Update":
        return str(each.managed_fields[0].get("manager") or MANAGER)
    return MANAGER


def _owner(entry: Mapping[str, object]) -> tuple[object, ...]:
    return tuple(entry.get(key, "") for key in ("manager", "operation", "apiVersion", "subresource"))


def _passes(error: ApiError) -> bool:
    if error.status == 404 and error.message.startswith("namespaces "):
        return False  # nobody is about to make it: Namespaces are restored before what is in them
    terminating = any(reason == "NamespaceTerminating" for _field, reason, _message in error.causes)
    return error.status in _PASSING or terminating or error.conflict


def _why(each: Wanted, error: ApiError) -> str:
    if each.key.kind == "secrets":
        # The server's text may quote a value.
        return f"the server refuses it ({error.status} {error.reason})"
    return error.message
