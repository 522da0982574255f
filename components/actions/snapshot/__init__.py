"""What is in a cluster's API, taken into an archive that can be trusted: consistent, complete, encrypted, verified.

Modules: `discovery` (which types there are), `listing` (their objects at one resource version), `encryption` (age),
`writing` and `reading` (the archive), `storage` (folders and object stores), `taking` (all of it), `rekeying`.
"""

from components.actions.snapshot.reading import Archive, verify
from components.actions.snapshot.rekeying import rekey
from components.actions.snapshot.taking import Taken, take

__all__ = ["Archive", "Taken", "rekey", "take", "verify"]
