"""What a reset of a cluster would mean, do and lose, and what stands against it. Reads only, on every platform.

A token is given when nothing stands against it. Against it stand: a protected cluster; no snapshot, or one that is of
another cluster, of a part, not of one moment, too old, or whose Secrets were not opened; objects that are not as the
snapshot has them; a rollout; data that would be lost. The last two, and changed objects, can be accepted by name; the
others cannot.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from components.actions.client import Client, Json
from components.actions.reset.facts import Facts, facts_of
from components.actions.restore import Comparison, compare
from components.actions.snapshot import Archive
from components.model.archive import Selection
from components.model.reset_means import Means, means
from components.model.reset_token import token_of


@dataclass(frozen=True)
class Accepted:
    """What somebody has read and takes: data that is lost, rollouts that are cut short, changes since the snapshot."""

    losses: bool = False
    rollouts: bool = False
    changes: bool = False


@dataclass(frozen=True)
class Plan:
    """A plan; `refusals` is what stands against it, `token` what `reset` takes ("" where something does)."""

    facts: Facts
    means: Means
    refusals: tuple[str, ...]
    snapshot: str = ""
    comparison: Comparison | None = None
    token: str = ""
    expires: str = ""

    def to_json(self) -> Json:
        """Return it as values for JSON."""
        return {
            "version": 1,
            "cluster": self.facts.cluster,
            "server": self.facts.server,
            "kubernetes": self.facts.kubernetes,
            "platform": self.facts.platform,
            "nodes": [node.name for node in self.facts.nodes],
            "means": self.means.text,
            "commands": list(self.means.commands),
            "executed": self.means.executed,
            "losses": list(self.facts.losses),
            "rollouts": list(self.facts.rollouts),
            "snapshot": self.snapshot,
            "comparison": self.comparison.to_json() if self.comparison else None,
            "refusals": list(self.refusals),
            "token": self.token,
            "expires": self.expires,
        }


def plan_reset(
    client: Client,
    archive: Archive | None,
    *,
    now: datetime,
    accepted: Accepted | None = None,
    oldest: timedelta = timedelta(hours=1),
    lasting: timedelta = timedelta(minutes=15),
) -> Plan:
    """Return the plan for a cluster and the snapshot that it would be brought back from.

    `oldest` is how old the snapshot may be, `lasting` how long the token is good.
    """
    taken = accepted or Accepted()
    facts = facts_of(client)
    found = means(facts.platform, facts.nodes, kubeadm=facts.kubeadm)
    refusals = []
    if facts.protected:
        refusals.append("the cluster is protected: remove kubernetes-emerging/protected from the namespace kube-system")
    if not found.executed:
        refusals.append("the control plane is the cloud's: run the commands above yourself, group by group")
    comparison = None
    if archive is None:
        refusals.append("no snapshot is named: take one (`snapshot`), and give its path")
    else:
        refusals += _against(archive, facts, now - oldest)
        if not archive.needs_identity():
            comparison = compare(client, archive)
            if not taken.changes and (count := _changes(comparison)):
                refusals.append(f"{count} objects are not as in the snapshot: take a new one, or say --accept-changes")
    if facts.rollouts and not taken.rollouts:
        refusals.append(f"{'; '.join(facts.rollouts[:5])}: wait for the end, or say --accept-rollouts")
    if facts.losses and not taken.losses:
        refusals.append(
            f"data would be lost in {len(facts.losses)} places, listed above: save it, and say --accept-losses"
        )
    if refusals or archive is None:
        return Plan(facts, found, tuple(refusals), archive.digest if archive else "", comparison)
    expires = (now + lasting).replace(microsecond=0)
    token = token_of(facts.cluster, facts.server, facts.platform, archive.digest, expires)
    return Plan(facts, found, (), archive.digest, comparison, token, expires.isoformat())


def _against(archive: Archive, facts: Facts, oldest: datetime) -> list[str]:
    manifest = archive.manifest
    found = []
    if manifest.cluster != facts.cluster:
        found.append(
            f"the snapshot is of the cluster {manifest.cluster}, and this is {facts.cluster}: take one of this one"
        )
    if manifest.selection != Selection():
        found.append("the snapshot is of a part of the cluster: take one of everything")
    if not manifest.exact:
        found.append("the snapshot is not all of one moment: take another one, when the cluster is quieter")
    if datetime.fromisoformat(manifest.started) < oldest:
        found.append(f"the snapshot is of {manifest.started}, which is too old: take a new one, or raise --max-age")
    if archive.needs_identity():
        found.append("nobody has proved that the snapshot's Secrets can be opened: give --identity")
    return found


def _changes(comparison: Comparison) -> int:
    return len(comparison.missing) + len(comparison.different) + len(comparison.extra)
