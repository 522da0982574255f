"""A snapshot brought back into a cluster, resumable at every step, and the two compared object by object.

Modules: `wanted` (what a snapshot asks for), `live` (what a cluster has), `comparing`, `journal`, `writing` (one
object), `running` (all of it, in order), `commands`.
"""

from components.actions.restore.comparing import Comparison, compare
from components.actions.restore.running import Outcome, Policy, restore
from components.actions.restore.wanted import Choice

__all__ = ["Choice", "Comparison", "Outcome", "Policy", "compare", "restore"]
