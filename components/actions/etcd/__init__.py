"""What etcd holds, where etcd can be reached: all of a cluster as it is on disk, for the same cluster.

Modules: `maintenance` (etcd's protocol), `trailer` (what tells a whole snapshot), `taking`, `opening`, `commands`.
"""

from components.actions.etcd.opening import open_snapshot
from components.actions.etcd.taking import Source, TakenEtcd, take_etcd

__all__ = ["Source", "TakenEtcd", "open_snapshot", "take_etcd"]
