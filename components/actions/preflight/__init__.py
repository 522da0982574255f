"""What a live cluster can do, asked before anything is changed. It reads, and changes nothing.

`observe` asks the cluster: read-only rights are enough, and a lacking one makes a fact unknown. `check` asks, and
judges by `components.model.judgement`. `render` and `Report.to_json` tell the answers to people and programs.
"""

from components.actions.preflight.checking import check
from components.actions.preflight.observing import observe
from components.actions.preflight.rendering import render

__all__ = ["check", "observe", "render"]
