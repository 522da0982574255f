"""Resizing the pods of a Deployment or StatefulSet in place by template adoption.

`plan` says what would happen and changes nothing; `adopt` does it; `unfinished` and `finish` bring what a killed run
left to an end; `drifted` and `heal` find sizes that were changed by hand and put them back. Modules from pure to live:
`kinds`, `resources`, `templates`, `verdict`, `pods`, `journal` (pure); `autoscalers`, `budget`, `live`, `planning`,
`replacing`, `stranded` (reading); `window` with `deployment_window` and `stateful_window`, `running`, `adoption`,
`recovery`, `healing`, `record`, `ownership` (writing).
"""

from components.actions.resize.adoption import Adopted, ResizeFailed, adopt
from components.actions.resize.healing import all_drifted, drifted, heal, is_recorded
from components.actions.resize.journal import FailurePolicy
from components.actions.resize.kinds import Kind, kind_of
from components.actions.resize.planning import Plan, plan
from components.actions.resize.recovery import Unfinished, all_unfinished, finish, unfinished
from components.actions.resize.replacing import WouldReplace, refuse_replacement
from components.actions.resize.verdict import Verdict

__all__ = [
    "Adopted",
    "FailurePolicy",
    "Kind",
    "Plan",
    "ResizeFailed",
    "Unfinished",
    "Verdict",
    "WouldReplace",
    "adopt",
    "all_drifted",
    "all_unfinished",
    "drifted",
    "finish",
    "heal",
    "is_recorded",
    "kind_of",
    "plan",
    "refuse_replacement",
    "unfinished",
]
