"""A cluster deleted and made anew, by whoever made it, and never the wrong one.

Modules: `facts` (what is asked of the cluster), `planning` (what it means, and what stands against it), `draining`,
`running` (step by step, with a journal), `rendering`, `commands`; `kind` and `kubeadm` are drivers for such
clusters.
"""

from components.actions.reset.planning import Accepted, Plan, plan_reset
from components.actions.reset.running import reset

__all__ = ["Accepted", "Plan", "plan_reset", "reset"]
