"""The word that a reset takes: bound to one cluster and one snapshot, for a while, and good once. Pure.

It is no secret and keeps no attacker out: who may delete a cluster can do so without it. It keeps the wrong cluster,
the wrong snapshot and yesterday's command out. Good once: after a reset the UID of the namespace kube-system, which is
the cluster's identity, is another, so that neither a repeated command nor a lost state nor a second stack can use it
again.
"""

import hashlib
from datetime import UTC, datetime

_TIME = "%Y%m%dT%H%M%SZ"


def token_of(cluster: str, server: str, platform: str, snapshot: str, expires: datetime) -> str:
    """Return the token for a cluster (its UID and address, on its platform) and a snapshot (its digest)."""
    moment = expires.astimezone(UTC).strftime(_TIME)
    text = f"{cluster}\0{server}\0{platform}\0{snapshot}\0{moment}"
    return f"{moment}-{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def wrong(token: str, cluster: str, server: str, platform: str, snapshot: str, now: datetime) -> str:
    """Return what is wrong with a token, with what to do; "" for one that is good now."""
    moment, _, _ = token.partition("-")
    try:
        expires = datetime.strptime(moment, _TIME).replace(tzinfo=UTC)
    except ValueError:
        return "the token is none: write what `plan-reset` printed"
    if token != token_of(cluster, server, platform, snapshot, expires):
        what = "the token is for another cluster or another snapshot, or was used already"
        return f"{what}: make a new plan (`plan-reset`) for {server}, and read it"
    if expires <= now:
        return f"the token has expired at {expires:%Y-%m-%d %H:%M:%S} UTC: make a new plan (`plan-reset`)"
    return ""
