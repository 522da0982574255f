"""ClusterSnapshot and ClusterRestore: a cluster's objects, kept in an archive and brought back, as resources."""

from collections.abc import Mapping, Sequence
from typing import Any, Required, TypedDict

import pulumi
from pulumi import Input

from components._args import ConnectionArgs
from components._commands import commanded
from components._errors import raise_for
from components._hooks import check_hook
from components._shape import judged, resolve
from components.model import recovery_args
from components.model.problem import Problem


class ClusterSnapshotArgs(TypedDict, total=False):
    """Arguments of ClusterSnapshot. Paths are relative to the project's folder."""

    connection: Required[Input[ConnectionArgs]]
    """The cluster: `Target.connection`. Its identity has to `get` and `list` everything (docs/recovery.md)."""
    to: Required[Input[str]]
    """A folder, or a URL such as s3://bucket/path, which needs fsspec's package for it."""
    recipients: Input[Sequence[Input[str]]]
    """Who can read its Secrets, each alone: age1…, as `keygen` prints it, or SSH public keys. Needed unless `without`
    leaves out secrets."""
    namespaces: Input[Sequence[Input[str]]]
    """Only these namespaces and what is in them; everything by default, which a reset asks for."""
    selector: Input[str]
    """Only objects with these labels, such as `app=web`; all by default."""
    without: Input[Sequence[Input[str]]]
    """Types that are left out, such as `events`, or by patterns: `*.metrics.k8s.io`. None by default."""
    encrypt: Input[Sequence[Input[str]]]
    """Types that are encrypted beside Secrets, such as configmaps."""
    encrypt_all: Input[bool]
    """True: every type is encrypted; false by default."""
    keep: Input[int]
    """How many snapshots of this cluster stay there, the oldest go first; all by default."""
    triggers: Input[Sequence[Input[str]]]
    """Another value takes another snapshot: a version, a date, another resource's output."""


class ClusterRestoreArgs(TypedDict, total=False):
    """Arguments of ClusterRestore. Paths are relative to the project's folder."""

    connection: Required[Input[ConnectionArgs]]
    """The cluster to restore into, as its administrator: `Target.connection`, or `ClusterReset.connection`."""
    snapshot: Required[Input[str]]
    """Path or URL of the snapshot: `ClusterSnapshot.snapshot`."""
    identities: Input[Sequence[Input[str]]]
    """Paths of files with age identities or SSH private keys that open it. The keys themselves never come here."""
    digest: Input[str]
    """The digest that the snapshot has to have: `ClusterSnapshot.digest`."""
    from_cluster: Input[str]
    """The cluster that the snapshot is of (UID of its kube-system), where it is another one than the target."""
    on_conflict: Input[str]
    """What becomes of objects that are there and differ: fail (the default) stops before anything is written, skip
    keeps them, update changes them."""
    namespaces: Input[Sequence[Input[str]]]
    """Only these namespaces of the snapshot; all by default."""
    without: Input[Sequence[Input[str]]]
    """Types that are left out, by name or pattern."""
    map_namespaces: Input[Mapping[str, Input[str]]]
    """New names of namespaces, by old ones."""
    map_storage_classes: Input[Mapping[str, Input[str]]]
    """New names of StorageClasses, by old ones."""
    patience_seconds: Input[int]
    """Seconds to wait for CRDs, webhooks and controllers; 60 by default."""
    journal: Input[str]
    """Path of the file that makes it resumable; `restore-<digest>.journal` by default."""
    triggers: Input[Sequence[Input[str]]]
    """Another value restores once more."""


class ClusterSnapshot(pulumi.ComponentResource):
    """A snapshot of a cluster's objects, taken and verified when it is created and when its arguments change.

    1. Creates: one `local.Command` of pulumi-command, which does what `python -m components.actions snapshot` does
       (docs/recovery.md): every object at one moment, Secrets encrypted, read back. Volume data is not included.
    2. Ready when the archive lies at its place, whole and verified: then its outputs are known. A preview takes none.
    3. Refuses, all at once, before anything is registered: nobody who could read the Secrets, a key in the place of a
       recipient, malformed namespaces. The command refuses what the cluster alone can tell, and leaves no file then.
    4. On change of what is asked, of `connection.cluster_id`, or of a trigger: another snapshot, beside the old one. A
       renewed kubeconfig, and another machine, are an update that does nothing.
    5. Does not notice that a snapshot was deleted, or that the cluster has changed since: a trigger takes a new one.
    6. Leaves behind on delete: every snapshot. No change, no replacement and no destroy removes one; `keep` does.
    """

    snapshot: pulumi.Output[str]
    """Path or URL of the archive."""
    digest: pulumi.Output[str]
    """Its digest, which tells it from a forgery: keep it somewhere else, too."""
    cluster: pulumi.Output[str]
    """The cluster that it is of: the UID of kube-system."""
    started: pulumi.Output[str]
    """When it was taken, in UTC (ISO 8601)."""
    objects: pulumi.Output[int]
    """How many objects are in it."""
    types: pulumi.Output[int]
    """Of how many types they are."""
    encrypted: pulumi.Output[int]
    """How many of them are encrypted."""
    exact: pulumi.Output[bool]
    """True: all of them were seen at one moment. A reset takes no other snapshot."""

    def __init__(self, name: str, args: ClusterSnapshotArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raise InvalidArgs for arguments that cannot work, else register the command."""
        raise_for("ClusterSnapshot", name, _snapshot_problems(args))
        super().__init__("kubernetes-emerging:index:ClusterSnapshot", name, {}, opts)

        async def check_late() -> None:
            raise_for("ClusterSnapshot", name, _snapshot_problems(await resolve(args)))

        checked = check_hook(f"ClusterSnapshot-{name}", check_late)
        done = commanded(name, "snapshot", _request(args), self, checked, args["connection"])
        self.snapshot = done.apply(lambda found: str(found.get("snapshot", "")))
        self.digest = done.apply(lambda found: str(found.get("digest", "")))
        self.cluster = done.apply(lambda found: str(found.get("cluster", "")))
        self.started = done.apply(lambda found: str(found.get("started", "")))
        self.objects = done.apply(lambda found: int(found.get("objects", 0)))
        self.types = done.apply(lambda found: int(found.get("types", 0)))
        self.encrypted = done.apply(lambda found: int(found.get("encrypted", 0)))
        self.exact = done.apply(lambda found: bool(found.get("exact", False)))
        fields = ("snapshot", "digest", "cluster", "started", "objects", "types", "encrypted", "exact")
        self.register_outputs({field: getattr(self, field) for field in fields})


class ClusterRestore(pulumi.ComponentResource):
    """A snapshot that is brought back into a cluster, once, and compared with it object by object.

    1. Creates: one `local.Command` of pulumi-command, which does what `python -m components.actions restore` does
       (docs/recovery.md). Volume data is not included. A preview restores nothing.
    2. Ready when every object is there as the snapshot has it, or was kept by `on_conflict: skip`. If any is not, the
       run fails and names it, the rest is restored, and the next `pulumi up` goes on: a journal in the project's folder
       has what is done, and makes it go on after a kill as well.
    3. Refuses, before anything is registered: a key in the place of a path, malformed names and digests. Before
       anything is written: a snapshot that was changed or cannot be opened, another cluster than
       `connection.cluster_id`, a snapshot of another cluster that `from_cluster` does not name, and, with
       `on_conflict: fail`, what differs.
    4. On change of what is asked, of `connection.cluster_id`, or of a trigger: it is restored once more. A renewed
       kubeconfig, and another machine, are an update that does nothing.
    5. What it brings back belongs to whoever made it before, and not to this stack: later drift is not noticed.
    6. Leaves behind on delete: everything that was restored.
    """

    created: pulumi.Output[int]
    """How many objects it has made."""
    updated: pulumi.Output[int]
    """How many it has changed."""
    same: pulumi.Output[int]
    """How many were there as they were to be."""
    kept: pulumi.Output[int]
    """How many differ, and were left as they are."""
    besides: pulumi.Output[int]
    """How many objects of the cluster are not in the snapshot."""

    def __init__(self, name: str, args: ClusterRestoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Raise InvalidArgs for arguments that cannot work, else register the command."""
        raise_for("ClusterRestore", name, _restore_problems(args))
        super().__init__("kubernetes-emerging:index:ClusterRestore", name, {}, opts)

        async def check_late() -> None:
            raise_for("ClusterRestore", name, _restore_problems(await resolve(args)))

        checked = check_hook(f"ClusterRestore-{name}", check_late)
        done = commanded(name, "restore", _request(args), self, checked, args["connection"])
        self.created = done.apply(lambda found: int(found.get("created", 0)))
        self.updated = done.apply(lambda found: int(found.get("updated", 0)))
        self.same = done.apply(lambda found: int(found.get("same", 0)))
        self.kept = done.apply(lambda found: int(found.get("kept", 0)))
        self.besides = done.apply(lambda found: int(found.get("besides", 0)))
        fields = ("created", "updated", "same", "kept", "besides")
        self.register_outputs({field: getattr(self, field) for field in fields})


def _request(args: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is asked, with the cluster that is meant in place of the secret connection to it."""
    connection: pulumi.Output[Any] = pulumi.Output.from_input(args["connection"])
    cluster = pulumi.Output.unsecret(connection.apply(lambda found: found.get("cluster_id") or ""))
    return {**{field: value for field, value in args.items() if field != "connection"}, "cluster": cluster}


def _snapshot_problems(args: Any) -> list[Problem]:
    shape, known = judged(args, ClusterSnapshotArgs)
    return [*shape, *recovery_args.snapshot_problems({"recipients": [], **known})]


def _restore_problems(args: Any) -> list[Problem]:
    shape, known = judged(args, ClusterRestoreArgs)
    return [*shape, *recovery_args.restore_problems(known)]
