"""Ask a cluster and judge what it told."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from components.actions.client import Client
from components.actions.preflight.observing import observe
from components.model.feature import Feature, merged
from components.model.finding import Report
from components.model.judgement import judge


def check(client: Client, features: Iterable[Feature], namespaces: Sequence[str] = (), *, deploying: bool) -> Report:
    """Return what this cluster can do of the features, and what it lets the asking identity do in the namespaces.

    Raises `ConnectionProblem` when the cluster does not answer; a lacking right, or a part of it that is out of order,
    makes an answer unknown. `deploying` says that the asking identity is the one that deploys.
    """
    wanted = merged(features)
    return judge(observe(client, wanted, namespaces), wanted, deploying=deploying, today=datetime.now(UTC).date())
